// Lets Go bring random documents back to earlier states, and checks with yjs what that gives, for test/oracle/revert.
//
//   node revert.mjs --seed N --first N --step N --count N
//
// For each case: a frame is written (oracle/stream.mjs) with a version, what came later, and what comes aside. Go answers
// with its updates: u32 count, then u32 length and bytes of each. They go, in turn, from the newest state to the version
// and back; the last goes to the version once more from where the first and what came aside lead. Then a frame of what yjs
// made of them is written: a record after every update, before the last one for what came aside, and one at the end.

import { readSync } from 'node:fs'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import * as Y from 'yjs'
import { content, shown } from './oracle/content.mjs'
import { edit } from './oracle/edits.mjs'
import { Random } from './oracle/random.mjs'
import { newReplica } from './oracle/replica.mjs'
import { flags, kinds, Records, writeCase } from './oracle/stream.mjs'
import { apply, World } from './oracle/world.mjs'

console.log = console.warn = console.info = () => {} // standard output is the stream; yjs warns about what we do on purpose

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    step: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
  },
})

/** A document of a client: its root types have been asked for, so it cleans up formats. */
const newClient = (world, state) => {
  const doc = new Y.Doc()
  for (const [name, type] of world.names) doc.get(name, type)
  if (state) Y.applyUpdate(doc, Y.convertUpdateFormatV2ToV1(state)) // V1 writes some values as JSON; so does Revert
  return doc
}

/** What has happened to the document of a case: a version, updates after it, others aside. */
const makeHistory = (r, note) => {
  const world = new World(r, note, r.pick([1, 2, 2, 3, 3, 4]))
  const gc = !r.oneIn(4)
  if (!gc) note('server gc off')
  let server = newReplica(gc)
  const deliver = (delivery) => {
    apply(server, delivery)
    return delivery
  }
  let told = 0
  const tell = () => {
    const version = r.oneIn(2) ? 2 : 1
    const news = world.pool.slice(told).map((_, i) => world.event(told + i, version))
    told = world.pool.length
    if (r.oneIn(4)) r.shuffle(news)
    return news
  }
  const big = r.oneIn(30)
  world.run(big ? r.between(60, 200) : r.between(2, 30))
  tell().forEach(deliver)
  const version = Y.encodeStateAsUpdateV2(server)
  server = newReplica(gc) // of a server that was started again
  Y.applyUpdateV2(server, version)

  // Members that know of each other delete and change what the version has; those that do not, insert beside it.
  if (r.oneIn(2)) for (const { doc } of world.docs) Y.applyUpdateV2(doc, version)
  told = world.pool.length
  world.run(big ? r.between(60, 200) : r.between(1, 30))
  if (r.oneIn(3)) clear(r, world, note)
  const later = tell()
  for (const delivery of later) deliver(delivery)
  const cleaned = newClient(world, Y.encodeStateAsUpdateV2(server))
  later.push(deliver({ version: 1, bytes: Y.encodeStateAsUpdate(cleaned, Y.encodeStateVector(server)) }))

  const other = newClient(world, Y.encodeStateAsUpdateV2(server))
  for (let n = r.below(8); n > 0; n--) edit(r, other, world.names, note)
  const aside = { version: 1, bytes: Y.encodeStateAsUpdate(other, Y.encodeStateVector(server)) }
  return { world, gc, version, later, aside, other }
}

/** Somebody deletes everything in a root. */
const clear = (r, world, note) => {
  note('cleared')
  const { doc } = r.pick(world.docs)
  const [name, type] = r.pick(world.names)
  const t = doc.get(name, type)
  if (t instanceof Y.Map) t.clear()
  else if (t.length > 0) t.delete(0, t.length)
}

/** The server's document when everything of the history but what comes aside has been applied. */
const newServer = ({ gc, version, later }) => {
  const doc = newReplica(gc)
  Y.applyUpdateV2(doc, version)
  for (const delivery of later) apply(doc, delivery)
  return doc
}

const withAside = (history) => {
  const doc = newServer(history)
  Y.applyUpdate(doc, history.aside.bytes)
  return doc
}

const loaded = (state) => {
  const doc = newReplica(true)
  Y.applyUpdateV2(doc, state)
  return doc
}

/** What is wrong with the document, '' if it has the content of the state. */
const compare = (what, got, want) => {
  if (isDeepStrictEqual(got, want)) return ''
  return `${what}: yjs has ${show(got)}\n  instead of ${show(want)}\n`
}
const show = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? `${x}n` : x))

/** Applies Go's updates and says what came of each. */
const examine = (history, updates) => {
  const records = new Records()
  const { world, version, aside, other } = history
  const server = newServer(history)
  const before = Y.encodeStateAsUpdateV2(server)
  const targets = [version, before]
  const add = (doc, error) =>
    records.add(kinds.reverted, 1, 0, error, Y.encodeStateAsUpdate(doc), Y.encodeStateAsUpdateV2(doc))
  const applied = (doc, update) => {
    if (update.length > 0) Y.applyUpdate(doc, update) // nothing if there was nothing to do
  }
  const again = updates.pop()
  updates.forEach((update, i) => {
    applied(server, update)
    let error = compare(`update ${i}`, content(server), content(loaded(targets[i % 2])))
    if (server.store.pendingStructs !== null || server.store.pendingDs !== null)
      error += 'something is pending\n'
    if (i === 0) {
      // A client cleans up formats by itself, which must not change what is seen.
      const client = newClient(world, before)
      applied(client, update)
      error += compare('a client', shown(client, world.names), shown(newClient(world, version), world.names))
    }
    add(server, error)
  })
  const merged = newServer(history)
  applied(merged, updates[0])
  Y.applyUpdate(merged, aside.bytes)
  add(merged, '')
  applied(merged, again)
  add(merged, compare('once more', content(merged), content(loaded(version))))
  const alike = isDeepStrictEqual(content(other), content(withAside(history)))
  applied(other, updates[0])
  // The other one may have cleaned up formats, and tells.
  Y.applyUpdate(merged, Y.encodeStateAsUpdate(other))
  Y.applyUpdate(other, Y.encodeStateAsUpdate(merged))
  Y.applyUpdate(merged, Y.encodeStateAsUpdate(other))
  // Yjs does not always agree with itself about pairs of surrogates that somebody cut: then there is nothing to compare.
  let error = alike ? compare('merged with what came aside', content(other), content(merged)) : ''
  if (!Y.equalSnapshots(Y.snapshot(other), Y.snapshot(merged))) error += 'the replicas do not converge\n'
  add(merged, error)
  return records
}

const readBytes = (n) => {
  const b = Buffer.alloc(n)
  for (let at = 0; at < n; ) {
    const size = readSync(0, b, at, n - at, null)
    if (size === 0) throw new Error('no answer')
    at += size
  }
  return b
}
const readUint32 = () => readBytes(4).readUInt32LE()

const [seed, first, step, count] = [options.seed, options.first, options.step, options.count].map(Number)
for (let i = 0; i < count; i++) {
  const number = first + i * step
  const r = new Random(seed, number)
  const features = new Set()
  const history = makeHistory(r, (feature) => features.add(feature))
  const records = new Records()
  records.add(kinds.version, 2, history.gc ? 0 : flags.gcOff, history.version)
  for (const { version, bytes } of history.later) records.add(kinds.later, version, 0, bytes)
  records.add(kinds.aside, 1, 0, history.aside.bytes)
  writeCase(number, [...features].sort(), records)

  const updates = []
  for (let n = readUint32(); n > 0; n--) updates.push(new Uint8Array(readBytes(readUint32())))
  const answer = updates.length > 0 ? examine(history, updates) : new Records()
  writeCase(number, [], answer)
}
