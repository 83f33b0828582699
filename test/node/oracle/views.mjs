// What yjs shows of a document's roots, once all updates have arrived and types may be asked for.

import * as Y from 'yjs'
import { kinds } from './stream.mjs'

export const addViews = (world, doc, records) => {
  for (const [name, type] of world.names) {
    if (!doc.share.has(name)) continue
    const root = doc.get(name, type)
    for (const [kind, json] of views(root)) records.add(kinds.view, 1, 0, kind, name, json)
  }
}

const views = (t) => {
  if (t instanceof Y.XmlText || t instanceof Y.Text) return [['string', JSON.stringify(plain(t))]]
  if (t instanceof Y.Map) return [['map', toJSON(t.toJSON())]]
  if (t instanceof Y.Array) return [['array', toJSON(t.toJSON())]]
  return []
}

/** The characters alone: XmlText's own toString adds tags. */
const plain = (t) => {
  let s = ''
  for (let item = t._start; item !== null; item = item.right) {
    if (!item.deleted && item.content instanceof Y.ContentString) s += item.content.str
  }
  return s
}

const toJSON = (v) => JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? x.toString() : x))
