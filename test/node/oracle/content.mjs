// All that a document contains, down to the marks of formats, as plain values that can be compared.

import * as Y from 'yjs'

/** The content of all root types that have any. */
export const content = (doc) => {
  const roots = {}
  doc.share.forEach((type, name) => {
    const c = contentOf(type)
    if (c.sequence.length > 0 || Object.keys(c.entries).length > 0) roots[`${name}:`] = c
  })
  return roots
}

const contentOf = (type) => {
  const sequence = []
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue
    const last = sequence[sequence.length - 1]
    if (item.content instanceof Y.ContentString) {
      // The halves of pairs that nobody completes do not survive being written.
      if (typeof last === 'string') sequence[sequence.length - 1] = wellFormed(last + item.content.str)
      else sequence.push(wellFormed(item.content.str))
    } else {
      sequence.push(...values(item.content))
    }
  }
  const entries = {}
  type._map.forEach((item, key) => {
    if (!item.deleted) entries[`${key}:`] = values(item.content).pop()
  })
  return { sequence, entries }
}

const values = (c) => {
  if (c instanceof Y.ContentType) {
    const { type } = c
    return [{ type: type.constructor.name, name: type.nodeName ?? type.hookName ?? null, ...contentOf(type) }]
  }
  if (c instanceof Y.ContentDoc) return [{ subdocument: c.doc.guid, opts: c.opts }]
  // V1 writes the values of these two as JSON.
  if (c instanceof Y.ContentFormat) return [{ format: c.key, value: JSON.stringify(c.value) }]
  if (c instanceof Y.ContentEmbed) return [{ embed: JSON.stringify(c.embed) }]
  return c.getContent().map((value) => ({ value }))
}

const wellFormed = (s) => s.toWellFormed()

/** What a client's public API shows of its root types. */
export const shown = (doc, names) => names.map(([name, type]) => plain(showType(doc.get(name, type))))

const showType = (t) => {
  if (t instanceof Y.Text) return t.toDelta().map((op) => ({ ...op, insert: showValue(op.insert) }))
  if (t instanceof Y.XmlFragment || t instanceof Y.XmlHook) {
    try {
      return t.toString()
    } catch {
      return null // such as an attribute that has no text form
    }
  }
  return t.toJSON()
}

const showValue = (v) => (v instanceof Y.AbstractType ? showType(v) : v)

/**
 * v without what cannot be compared: subdocuments have a client id of their own, halves of pairs do not survive being written, and
 * values of embeds and formats have become JSON if they came in V1.
 */
const plain = (v) => {
  if (typeof v === 'string') return v.toWellFormed()
  if (typeof v === 'number' && !Number.isFinite(v)) return null
  if (v === 0) return 0
  if (v instanceof Y.Doc) return { subdocument: v.guid }
  if (Array.isArray(v)) return v.map(plain)
  if (v === null || typeof v !== 'object') return v ?? null
  const members = Object.entries(v).filter(([, value]) => value !== undefined)
  return Object.fromEntries(members.map(([key, value]) => [key, plain(value)]))
}
