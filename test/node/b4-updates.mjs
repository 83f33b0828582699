// Types the editing trace B4 into a Y.Doc and writes what comes out, for benchmarks:
//
//   node test/node/b4-updates.mjs <automerge-paper.json.gz> <output>
//
// Output: parts, each after its length as a 32-bit little-endian number: the end text, encodeStateAsUpdate,
// encodeStateAsUpdateV2, then the V1 update of every keystroke.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'

const [trace, output] = process.argv.slice(2)
const { txns, endContent } = JSON.parse(gunzipSync(readFileSync(trace)))
const doc = new Y.Doc()
doc.clientID = 1234567890
const text = doc.getText('text')
const updates = []
doc.on('update', (u) => updates.push(u))
for (const { patches } of txns) {
  for (const [at, deleted, inserted] of patches) {
    if (deleted > 0) text.delete(at, deleted)
    if (inserted !== '') text.insert(at, inserted)
  }
}
if (text.toString() !== endContent) throw new Error('the trace did not give its end text')
const parts = []
for (const part of [
  Buffer.from(endContent),
  Y.encodeStateAsUpdate(doc),
  Y.encodeStateAsUpdateV2(doc),
  ...updates,
]) {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(part.length)
  parts.push(size, part)
}
writeFileSync(output + '.part', Buffer.concat(parts))
renameSync(output + '.part', output)
