// What yjs shows of a document's roots, once all updates have arrived and types may be asked for.

import * as Y from 'yjs'
import { kinds } from './stream.mjs'

/** The views that package crdt has, by the names that the stream gives them. */
const views = {
  text: (doc, name) => JSON.stringify(doc.getText(name).toString()),
  delta: (doc, name) => toJSON(doc.getText(name).toDelta()),
  map: (doc, name) => toJSON(doc.getMap(name).toJSON()),
  array: (doc, name) => toJSON(doc.getArray(name).toJSON()),
  xml: (doc, name) => JSON.stringify(doc.getXmlFragment(name).toString()),
}

/** JSON has no bigint: yjs throws, package crdt writes its digits as a string. */
const toJSON = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? x.toString() : x))

/** The views that suit a root's type, and one that does not: a server cannot know what a root is. */
const suitable = (r, type) => {
  const own =
    type === Y.Map
      ? ['map']
      : type === Y.Array
        ? ['array']
        : type === Y.Text || type === Y.XmlText
          ? ['text', 'delta']
          : ['xml']
  return [...own, r.pick(Object.keys(views))]
}

export const addViews = (r, world, doc, records, note) => {
  const state = Y.encodeStateAsUpdateV2(doc)
  for (const [name, type] of world.names) {
    for (const kind of suitable(r, type)) {
      // A root has one type for ever, hence a copy for each view.
      const copy = new Y.Doc({ gc: doc.gc })
      Y.applyUpdateV2(copy, state)
      let json
      try {
        json = views[kind](copy, name)
      } catch {
        note('view throws')
        continue // such as an XML attribute that has no text form
      }
      note(`view ${kind}`)
      records.add(kinds.view, 1, 0, kind, name, json)
    }
  }
}
