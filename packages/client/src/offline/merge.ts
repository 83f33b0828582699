import * as Y from 'yjs'

/** How many updates are merged at once; Yjs takes time in the square of it. */
const atOnce = 64

/** Merges one or more updates into one. In steps, because merging 10,000 at once takes Yjs more than a second. */
export function merge(updates: Uint8Array[]): Uint8Array {
  let rest = updates
  while (rest.length > 1) {
    const merged = []
    for (let i = 0; i < rest.length; i += atOnce) merged.push(Y.mergeUpdates(rest.slice(i, i + atOnce)))
    rest = merged
  }
  return rest[0] as Uint8Array
}
