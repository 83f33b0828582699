// Types an editing trace into yjs, measures yjs, and writes the updates for the Go engine.
//
//   node --expose-gc yjs.mjs TRACE.json.gz OUT
//
// Standard output is one JSON object: CPU milliseconds by operation, and bytes of heap. OUT gets, each after its length as
// a u32 (little-endian): the whole update V1, V2; the same of a small document; a state vector of half the trace; then
// the update of every edit, V1.

import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'

const [tracePath, outPath] = process.argv.slice(2)
const trace = JSON.parse(gunzipSync(readFileSync(tracePath)))

/** CPU milliseconds (user and system) of f, the best of n runs. */
const cpu = (n, f) => {
  let best = Infinity
  for (let i = 0; i < n; i++) {
    const before = process.cpuUsage()
    f()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

const doc = new Y.Doc()
doc.clientID = 1
const edits = []
doc.on('update', (update) => edits.push(update))
const text = doc.getText('text')
const typing = cpu(1, () => {
  for (const { patches } of trace.txns) {
    for (const [at, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(at, deleted)
      if (inserted.length > 0) text.insert(at, inserted)
    }
  }
})
if (text.toString() !== trace.endContent) throw new Error('the trace does not end as it should')

const v1 = Y.encodeStateAsUpdate(doc)
const v2 = Y.encodeStateAsUpdateV2(doc)

/** A page of rich text: 30 paragraphs of an editor based on ProseMirror. */
const smallDocument = () => {
  const doc = new Y.Doc()
  doc.clientID = 2
  const page = doc.getXmlFragment('prosemirror')
  for (let i = 0; i < 30; i++) {
    const paragraph = new Y.XmlElement('paragraph')
    page.insert(i, [paragraph])
    paragraph.setAttribute('align', i % 2 ? 'left' : 'center')
    const text = new Y.XmlText()
    paragraph.insert(0, [text])
    text.insert(0, `Paragraph ${i} says something of ordinary length.`)
    text.format(10, 4, { bold: true })
  }
  return doc
}
const small = smallDocument()
const smallV1 = Y.encodeStateAsUpdate(small)

const load = (update) => {
  const d = new Y.Doc()
  Y.applyUpdate(d, update)
  return d
}
const loaded = load(v1)
const half = new Map([[1, Math.floor(Y.getState(loaded.store, 1) / 2)]])
const vector = Y.encodeStateVector(half)
const many = edits.slice(0, 10000)
const times = {
  'type the trace': typing,
  'load, V1': cpu(15, () => load(v1)),
  'load, V2': cpu(15, () => Y.applyUpdateV2(new Y.Doc(), v2)),
  'apply every edit': cpu(2, () => {
    const d = new Y.Doc()
    for (const update of edits) Y.applyUpdate(d, update)
  }),
  'encode state, V1': cpu(15, () => Y.encodeStateAsUpdate(loaded)),
  'encode state, V2': cpu(15, () => Y.encodeStateAsUpdateV2(loaded)),
  'load small document':
    cpu(20, () => {
      for (let i = 0; i < 20; i++) load(smallV1)
    }) / 20,
  'merge 10,000 edits': cpu(1, () => Y.mergeUpdates(many)),
  'diff, half': cpu(10, () => Y.diffUpdate(v1, vector)),
  'state vector of update': cpu(10, () => Y.encodeStateVectorFromUpdate(v1)),
}

/** Bytes of heap per document of n. */
const heap = (n, make) => {
  const collect = () => {
    for (let i = 0; i < 3; i++) globalThis.gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  make()
  const keep = new Array(n).fill(null)
  const before = collect()
  for (let i = 0; i < n; i++) keep[i] = make()
  return (collect() - before) / keep.length
}
const memory = {
  'heap, loaded': heap(5, () => load(v1)),
  'heap, small document': heap(200, () => load(smallV1)),
}

const out = createWriteStream(outPath)
for (const b of [v1, v2, smallV1, Y.encodeStateAsUpdateV2(small), vector, ...edits]) {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(b.length)
  out.write(size)
  if (!out.write(b)) await once(out, 'drain')
}
out.end()
await once(out, 'finish')
console.log(JSON.stringify({ times, memory }))
