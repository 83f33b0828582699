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

/** A view that suits a root's type, or any: a server cannot know what a root is. */
const choose = (r, type) => {
  if (r.oneIn(3)) return r.pick(Object.keys(views))
  switch (type) {
    case Y.Map:
      return 'map'
    case Y.Array:
      return 'array'
    case Y.Text:
    case Y.XmlText:
      return r.pick(['text', 'delta'])
    default:
      return 'xml'
  }
}

/** To be called last: roots of doc get their types. */
export const addViews = (r, world, doc, records, note) => {
  for (const [name, type] of world.names) {
    const kind = choose(r, type)
    let json
    try {
      json = views[kind](doc, name)
    } catch {
      note('view throws')
      continue // such as an XML attribute that has no text form
    }
    note(`view ${kind}`)
    records.add(kinds.view, 1, 0, kind, name, json)
  }
}
