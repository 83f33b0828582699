// What clients have, in a form that can be compared.

import * as Y from 'yjs'

export const toBase64 = (bytes) => Buffer.from(bytes).toString('base64')
export const fromBase64 = (text) => new Uint8Array(Buffer.from(text, 'base64'))

/**
 * State and JSON of a document. The state is normal: loaded once more into a document without types, because how far
 * yjs merges neighbouring items depends on the way they came.
 */
export const describe = (doc) => {
  const fresh = new Y.Doc()
  Y.applyUpdate(fresh, Y.encodeStateAsUpdate(doc))
  const state = toBase64(Y.encodeStateAsUpdate(fresh))
  return {
    state,
    vector: toBase64(Y.encodeStateVector(fresh)),
    pending: fresh.store.pendingStructs !== null || fresh.store.pendingDs !== null,
    text: fresh.getText('text').toString(),
    array: fresh.getArray('array').toJSON(),
    map: fresh.getMap('map').toJSON(),
    xml: fresh.getXmlFragment('xml').toString(),
  }
}

/** Whether a document made of `whole` already has everything that `part` says, deletions included. */
export const contains = (whole, part) => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, whole)
  const before = Buffer.from(Y.encodeStateAsUpdate(doc))
  Y.applyUpdate(doc, part)
  return before.equals(Buffer.from(Y.encodeStateAsUpdate(doc)))
}

/** Merges updates in groups: yjs' mergeUpdates takes quadratic time in their number. */
export const mergeAll = (updates) => {
  if (updates.length === 0) return Uint8Array.of(0, 0)
  let list = updates
  while (list.length > 1) {
    const merged = []
    for (let i = 0; i < list.length; i += 32) merged.push(Y.mergeUpdates(list.slice(i, i + 32)))
    list = merged
  }
  return list[0]
}
