// Generates random cases with yjs and writes them, with what yjs answers, to standard output for test/oracle.
//
//   node oracle.mjs --section documents|updates|malformed --seed N --first N --step N --count N
//
// A case depends on seed and number only. The format is specified in oracle/stream.mjs.
//
// What is expected comes from replicas that hold a document the way a server does: root types are never asked for, and
// redundant formats of texts are left alone. yjs removes such formats when remote updates arrive, by deletions of its
// own: in a root as soon as it was asked for as a text, so that the bytes depend on when that was; in nested texts
// always. Clients do that and send their deletions; a server adds none.

import { parseArgs } from 'node:util'
import * as Y from 'yjs'
import { addMangled } from './oracle/mangle.mjs'
import { Random } from './oracle/random.mjs'
import { newReplica } from './oracle/replica.mjs'
import { flags, kinds, Records, writeCase } from './oracle/stream.mjs'
import { addViews } from './oracle/views.mjs'
import { apply, World } from './oracle/world.mjs'

console.log = console.warn = console.info = () => {} // standard output is the stream; yjs warns about what we do on purpose

const { values: options } = parseArgs({
  options: {
    section: { type: 'string' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    step: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
  },
})

/** Runs f; what it returns become the record's last fields, or the record says that yjs threw. */
const expect = (records, kind, version, given, f) => {
  let answer
  try {
    answer = f()
  } catch {
    records.add(kind, version, flags.threw, ...given)
    return false
  }
  records.add(kind, version, 0, ...given, ...answer)
  return true
}

/**
 * What a document has been told: inserted and deleted clocks, and what waits for others. The document itself can change
 * without being told anything new: an update that is known can still split a surrogate pair.
 */
const knowledge = (doc) =>
  Buffer.concat([
    Y.encodeSnapshot(Y.snapshot(doc)),
    doc.store.pendingStructs?.update ?? new Uint8Array(0),
    doc.store.pendingDs ?? new Uint8Array(0),
  ])

/** A document that receives the world's updates, its whole state compared after each of them. */
const addReplica = (r, world, records, note) => {
  const gcOff = r.oneIn(4)
  if (gcOff) note('replica gc off')
  records.add(kinds.replica, 1, gcOff ? flags.gcOff : 0)
  const doc = newReplica(!gcOff)
  let known = knowledge(doc)
  for (const delivery of world.schedule()) {
    note(delivery.version === 1 ? 'V1' : 'V2')
    const ok = expect(records, kinds.apply, delivery.version, [delivery.bytes], () => {
      apply(doc, delivery)
      const before = known
      known = knowledge(doc)
      const pending = doc.store.pendingStructs !== null || doc.store.pendingDs !== null
      return [
        Y.encodeStateAsUpdate(doc),
        Y.encodeStateAsUpdateV2(doc),
        Y.encodeStateVector(doc),
        Uint8Array.of((pending ? 1 : 0) | (known.equals(before) ? 0 : 2)),
      ]
    })
    if (!ok) {
      note('yjs threw')
      return // yjs keeps half of what it refused
    }
    if (doc.store.pendingStructs !== null) note('pending structs')
    if (doc.store.pendingDs !== null) note('pending deletes')
    if (r.oneIn(3)) {
      const sv = r.oneIn(3) ? Y.encodeStateVector(r.pick(world.docs).doc) : world.stateVector()
      expect(records, kinds.encode, 1, [sv], () => [
        Y.encodeStateAsUpdate(doc, sv),
        Y.encodeStateAsUpdateV2(doc, sv),
      ])
    }
  }
  addViews(r, world, doc, records, note)
}

/** Functions on updates: merge, diff, state vector, conversion; also of their own results and of states with gaps. */
const addUpdateLevel = (r, world, records, note) => {
  for (const version of [1, 2]) {
    note(version === 1 ? 'V1' : 'V2')
    const v1 = version === 1
    const known = []
    const doc = newReplica(!r.oneIn(3))
    for (const delivery of world.schedule()) {
      apply(doc, delivery)
      if (delivery.version === version) known.push(delivery.bytes)
      if (r.oneIn(5)) known.push(v1 ? Y.encodeStateAsUpdate(doc) : Y.encodeStateAsUpdateV2(doc))
      if (doc.store.pendingStructs !== null) note('pending structs')
    }
    if (known.length === 0) known.push(v1 ? Y.encodeStateAsUpdate(doc) : Y.encodeStateAsUpdateV2(doc))
    const keep = (bytes) => {
      if (bytes.length < 20000) known.push(bytes)
    }

    for (let n = r.between(3, 8); n > 0; n--) {
      const update = r.pick(known)
      switch (r.weighted({ merge: 4, diff: 3, vector: 1, convert: 2 })) {
        case 'merge': {
          const updates = []
          for (let k = r.oneIn(20) ? 0 : r.between(1, 8); k > 0; k--) updates.push(r.pick(known))
          expectMerged(records, version, updates, keep)
          break
        }
        case 'diff': {
          const sv = r.oneIn(3) ? Y.encodeStateVector(r.pick(world.docs).doc) : world.stateVector()
          expect(records, kinds.diff, version, [update, sv], () => {
            const diff = v1 ? Y.diffUpdate(update, sv) : Y.diffUpdateV2(update, sv)
            keep(diff)
            return [diff]
          })
          break
        }
        case 'vector':
          expect(records, kinds.vector, version, [update], () => [
            v1 ? Y.encodeStateVectorFromUpdate(update) : Y.encodeStateVectorFromUpdateV2(update),
          ])
          break
        case 'convert':
          expect(records, kinds.convert, version, [update], () => [
            v1 ? Y.convertUpdateFormatV1ToV2(update) : Y.convertUpdateFormatV2ToV1(update),
          ])
      }
    }
  }
}

const expectMerged = (records, version, updates, keep) => {
  let merged
  try {
    merged = version === 1 ? Y.mergeUpdates(updates) : Y.mergeUpdatesV2(updates)
  } catch {
    records.add(kinds.merge, version, flags.threw, new Uint8Array(0), ...updates)
    return
  }
  keep(merged)
  records.add(kinds.merge, version, 0, merged, ...updates)
}

/** Mostly small histories: what goes wrong goes wrong there, and is read more easily. */
const makeWorld = (r, note) => {
  const size = r.weighted({ small: 970, long: 20, crowd: 6, large: 4 })
  if (size !== 'small') note(size)
  const world = new World(
    r,
    note,
    size === 'crowd' ? r.between(20, 60) : r.pick([1, 1, 2, 2, 2, 2, 3, 3, 3, 4]),
  )
  switch (size) {
    case 'small':
      world.run(r.between(3, 40))
      break
    case 'large':
      world.grow(r.between(600, 2000))
      world.run(10)
      break
    default:
      world.run(r.between(100, 250))
  }
  return world
}

const makeCase = (seed, number, section) => {
  const r = new Random(seed, number)
  const features = new Set()
  const note = (feature) => features.add(feature)
  const records = new Records()
  const world = makeWorld(r, note)
  if (world.pool.length === 0) return { features, records }

  switch (section) {
    case 'documents':
      for (let n = r.between(1, 2); n > 0; n--) addReplica(r, world, records, note)
      break
    case 'updates':
      addUpdateLevel(r, world, records, note)
      break
    case 'malformed':
      addMangled(r, world, records, note)
      break
    default:
      throw new Error(`unknown section ${section}`)
  }
  // No text of ours contains U+FFFD, so one in the bytes is half of a surrogate pair that was split.
  if (world.docs.some(({ doc }) => Buffer.from(Y.encodeStateAsUpdate(doc)).includes('\ufffd')))
    note('split surrogates')
  return { features, records }
}

const [seed, first, step, count] = [options.seed, options.first, options.step, options.count].map(Number)
for (let i = 0; i < count; i++) {
  const number = first + i * step
  const { features, records } = makeCase(seed, number, options.section)
  writeCase(number, [...features].sort(), records)
}
