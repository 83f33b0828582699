import { Y } from './yjs.js'

/**
 * Makes one update of one or more that were applied to a document. Many are read out of the document, where they have
 * become few large structs: to merge them takes Yjs time in the square of their number, and so does applying the result.
 */
export function merge(doc: Y.Doc, updates: Uint8Array[]): Uint8Array {
  const many = 32
  if (updates.length < many) return Y.mergeUpdates(updates)
  return Y.encodeStateAsUpdate(doc, vectorBefore(doc, updates))
}

/** The state vector that a document had before updates, the newest ones, were applied to it. */
export function vectorBefore(doc: Y.Doc, updates: Uint8Array[]): Uint8Array {
  const since = Y.decodeStateVector(Y.encodeStateVector(doc))
  for (const update of updates) {
    for (const [client, clock] of Y.parseUpdateMeta(update).from) {
      since.set(client, Math.min(clock, since.get(client) ?? 0))
    }
  }
  return Y.encodeStateVector(since)
}
