// Types an editing trace, edit by edit, into a client's text.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { until } from './client.mjs'

/**
 * file: a trace of josephg/editing-traces (sequential format): transactions of patches [position, deleted, inserted],
 * positions in code points. Returns the expected end and how many edits were typed.
 */
export const typeTrace = async (client, file) => {
  const { startContent, endContent, txns } = JSON.parse(gunzipSync(readFileSync(file)).toString())
  const text = client.doc.getText('text')
  const units = new CodePoints()
  let edits = 0
  if (startContent !== '') {
    text.insert(0, startContent)
    units.edit(0, 0, startContent)
  }
  for (const { patches } of txns) {
    for (const [position, deleted, inserted] of patches) {
      const { at, length } = units.edit(position, deleted, inserted)
      client.doc.transact(() => {
        if (length > 0) text.delete(at, length)
        if (inserted !== '') text.insert(at, inserted)
      })
      // A browser would be slow enough by itself; here the socket has to keep up.
      if (++edits % 1000 === 0)
        await until(
          () => (client.provider.ws?.bufferedAmount ?? 0) < 1 << 20,
          'the socket to take what was typed',
        )
    }
  }
  await until(
    () => client.provider.wsconnected && client.provider.ws.bufferedAmount === 0,
    'the socket to take everything',
  )
  return { edits, end: endContent, same: text.toString() === endContent }
}

/** Turns positions in code points into UTF-16 units. Only characters outside the basic plane need to be remembered. */
class CodePoints {
  constructor() {
    this.wide = [] // positions, in code points, of characters of two units, ascending
  }

  edit(position, deleted, inserted) {
    const before = this.below(position)
    const inside = this.below(position + deleted) - before
    const added = []
    let count = 0
    for (const c of inserted) {
      if (c.length === 2) added.push(position + count)
      count++
    }
    const shift = count - deleted
    if (this.wide.length > before + inside && shift !== 0) {
      for (let i = before + inside; i < this.wide.length; i++) this.wide[i] += shift
    }
    this.wide.splice(before, inside, ...added)
    return { at: position + before, length: deleted + inside }
  }

  below(position) {
    let lo = 0
    let hi = this.wide.length
    while (lo < hi) {
      const mid = (lo + hi) >> 1
      if (this.wide[mid] < position) lo = mid + 1
      else hi = mid
    }
    return lo
  }
}
