// Malformed updates, and what yjs makes of them.

import vm from 'node:vm'
import * as Y from 'yjs'
import { flags, kinds } from './stream.mjs'
import { apply } from './world.mjs'

/** One or more random injuries. */
const mangle = (r, bytes) => {
  let b = Array.from(bytes)
  for (let n = r.weighted({ 1: 5, 2: 3, 5: 1 }) | 0; n > 0; n--) {
    const at = r.below(b.length + 1)
    switch (r.below(7)) {
      case 0:
        b = b.slice(0, at)
        break
      case 1:
        b[at] = r.below(256)
        break
      case 2:
        b[at] ^= 1 << r.below(8)
        break
      case 3:
        b.splice(at, 0, r.below(256))
        break
      case 4:
        b.splice(at, r.between(1, 4))
        break
      case 5:
        b.splice(at, 0, ...b.slice(at, at + r.between(1, 20)))
        break
      default:
        b.splice(at, 1, 0xff, 0xff, 0xff, r.pick([0x0f, 0x7f, 0xff]))
    }
  }
  return Uint8Array.from(b)
}

// yjs may run almost for ever on a forged count, so it gets a time limit.
globalThis.oracleTask = null
const script = new vm.Script('oracleTask()')

/**
 * Whether an update deletes ranges out of order or twice. yjs cannot keep such ranges for later: in V2 it writes the
 * distance to the previous range, which is negative then, as an unsigned number.
 */
const muddled = (version, bytes) => {
  const { ds } = version === 1 ? Y.decodeUpdate(bytes) : Y.decodeUpdateV2(bytes)
  for (const ranges of ds.clients.values()) {
    if (ranges.some((range, i) => i > 0 && range.clock < ranges[i - 1].clock + ranges[i - 1].len)) return true
  }
  return false
}

export const addMangled = (r, world, records, note) => {
  for (let n = 0; n < 8; n++) {
    const delivery = world.delivery()
    const bytes = mangle(r, delivery.bytes)
    const doc = new Y.Doc()
    globalThis.oracleTask = () => apply(doc, { version: delivery.version, bytes })
    try {
      script.runInThisContext({ timeout: 300 })
      records.add(
        kinds.mangled,
        delivery.version,
        muddled(delivery.version, bytes) ? flags.muddled : 0,
        bytes,
        Y.encodeStateAsUpdate(doc),
        Y.encodeStateVector(doc),
      )
      note('yjs accepted')
    } catch (err) {
      const slow = err.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
      records.add(kinds.mangled, delivery.version, slow ? flags.timeout : flags.threw, bytes)
      note(slow ? 'yjs did not end' : 'yjs refused')
    }
  }
}
