// Applies messages with the real yjs and y-protocols, as a server would: one message per line of input, in hexadecimal.
// Prints what came of them as JSON.
import fs from 'node:fs'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as awareness from 'y-protocols/awareness'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

const doc = new Y.Doc()
const present = new awareness.Awareness(doc)
present.setLocalState(null)
const updates = []
const replies = []
for (const line of fs
  .readFileSync(0, 'utf8')
  .split('\n')
  .filter((l) => l !== '')) {
  const message = Buffer.from(line, 'hex')
  const decoder = decoding.createDecoder(new Uint8Array(message))
  const type = decoding.readVarUint(decoder)
  if (type === 0) {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    const kind = sync.readSyncMessage(decoder, encoder, doc, null, (err) => {
      throw err
    })
    if (kind === 0) replies.push(Buffer.from(encoding.toUint8Array(encoder)).toString('hex'))
    else updates.push(new Uint8Array(message).subarray(3)) // type, kind and length are a byte each in these
  } else if (type === 1) {
    awareness.applyAwarenessUpdate(present, decoding.readVarUint8Array(decoder), null)
  } else throw new Error(`unexpected message type ${type}`)
  if (decoding.hasContent(decoder)) throw new Error('bytes behind the message')
}

const framed = (kind, body) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, 0)
  encoding.writeVarUint(encoder, kind)
  encoding.writeVarUint8Array(encoder, body)
  return Buffer.from(encoding.toUint8Array(encoder)).toString('hex')
}
const short = updates.filter((u) => u.length < 128)
console.log(
  JSON.stringify({
    text: doc.getText('text').toString(),
    vector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
    pending: doc.store.pendingStructs !== null,
    states: Object.fromEntries([...present.getStates()].map(([id, s]) => [id, s])),
    clocks: Object.fromEntries([...present.meta].map(([id, m]) => [id, m.clock])),
    replies,
    whole: framed(1, Y.encodeStateAsUpdate(doc)), // yjs' own encoding of everything, items merged
    merged: framed(2, Y.mergeUpdates(short)),
    step1: framed(0, Y.encodeStateVector(doc)),
  }),
)
present.destroy() // its timer would keep this process alive
