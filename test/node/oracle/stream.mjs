// The stream that test/oracle reads: one frame per case.
//
//   frame   u32 length of what follows | u32 case number | str features | u32 record count | records
//   record  u8 kind | u8 version (1 or 2, the encoding it is about) | u8 flags | u8 field count | fields
//   field   u32 length | bytes
//
// All numbers are little-endian; str is a field with names separated by commas. Kinds and their fields:
//
//   1 replica   a new, empty document; flag 1: gc off
//   2 apply     update -> whole state V1, whole state V2, state vector, one byte of flags:
//               1 something waits for others, 2 the update said something new
//   3 encode    state vector -> state V1, state V2
//   4 view      kind of root, name of root -> JSON
//   10 merge    merged, then the updates
//   11 diff     update, state vector -> difference
//   12 vector   update -> state vector
//   13 convert  update of this version -> the same in the other version
//   20 mangled  update (malformed, perhaps) -> whole state V1, state vector
//   30 version  V2 update: all of an earlier state of a document; flag 1: gc off
//   31 later    an update that came afterwards
//   32 aside    an update that comes at the same time as what is done next
//   33 reverted error, or empty; whole state V1, whole state V2
//
// Flag 2 of mangled: deleted ranges overlap or are out of order, see mangle.mjs.
// With flag 128 yjs threw: what it should have returned is absent. With flag 64 it did not end in time.

import { writeSync } from 'node:fs'

export const kinds = {
  replica: 1,
  apply: 2,
  encode: 3,
  view: 4,
  merge: 10,
  diff: 11,
  vector: 12,
  convert: 13,
  mangled: 20,
  version: 30,
  later: 31,
  aside: 32,
  reverted: 33,
}
export const flags = { gcOff: 1, muddled: 2, timeout: 64, threw: 128 }

const utf8 = new TextEncoder()

/** Collects the records of one case. */
export class Records {
  constructor() {
    this.parts = []
    this.size = 0
    this.count = 0
  }

  add(kind, version, flag, ...fields) {
    this.count++
    this.push(Uint8Array.of(kind, version, flag, fields.length))
    for (const f of fields) this.field(typeof f === 'string' ? utf8.encode(f) : f)
  }

  field(bytes) {
    this.push(u32(bytes.length))
    this.push(bytes)
  }

  push(bytes) {
    this.parts.push(bytes)
    this.size += bytes.length
  }
}

const u32 = (n) => {
  const b = new Uint8Array(4)
  new DataView(b.buffer).setUint32(0, n, true)
  return b
}

/** Writes a case to standard output, waiting while the reader is busy. */
export const writeCase = (number, features, records) => {
  const head = new Records()
  head.push(u32(number))
  head.field(utf8.encode(features.join(',')))
  head.push(u32(records.count))
  const out = Buffer.concat([u32(head.size + records.size), ...head.parts, ...records.parts])
  for (let at = 0; at < out.length; ) {
    try {
      at += writeSync(1, out, at)
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err
      Atomics.wait(sleeper, 0, 0, 1)
    }
  }
}
const sleeper = new Int32Array(new SharedArrayBuffer(4))
