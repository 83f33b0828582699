// Random edits of a yjs document, through the public API and on types that are alive.

import * as Y from 'yjs'
import * as random from './random.mjs'

/** Root types of every document: name -> constructor. Documents of a case agree on them. */
export const roots = [
  ['text', Y.Text],
  ['', Y.Text],
  ['array', Y.Array],
  ['ärray', Y.Array],
  ['map', Y.Map],
  ['0', Y.Map],
  ['xml', Y.XmlFragment],
  ['element', Y.XmlElement],
  ['xmltext', Y.XmlText],
]

/** All types of a document that an edit can reach, roots first. */
const reachable = (doc, names) => {
  const found = names.map(([name, type]) => doc.get(name, type))
  for (let i = 0; i < found.length && found.length < 60; i++) {
    const t = found[i]
    for (let item = t._start; item !== null; item = item.right) {
      if (!item.deleted && item.content instanceof Y.ContentType) found.push(item.content.type)
    }
    t._map.forEach((item) => {
      if (!item.deleted && item.content instanceof Y.ContentType) found.push(item.content.type)
    })
  }
  return found
}

/** One random edit. `note` is told which unusual things it contains; it may refuse lone surrogates by returning false. */
export const edit = (r, doc, names, note) => {
  const all = reachable(doc, names)
  const t = r.oneIn(2) ? r.pick(all.slice(0, names.length)) : r.pick(all)
  if (t instanceof Y.XmlText) r.oneIn(4) ? editAttribute(r, t, note) : editText(r, t, note)
  else if (t instanceof Y.Text) r.oneIn(12) ? editAttribute(r, t, note) : editText(r, t, note)
  else if (t instanceof Y.XmlElement) r.oneIn(2) ? editAttribute(r, t, note) : editFragment(r, t, note)
  else if (t instanceof Y.XmlFragment) editFragment(r, t, note)
  else if (t instanceof Y.Map) editMap(r, t, note)
  else editArray(r, doc, t, note)
}

const editText = (r, t, note) => {
  const at = r.oneIn(3) ? t.length : r.below(t.length + 1)
  const rest = t.length - at
  switch (
    r.weighted({ type: 6, insert: 5, formatted: 3, embed: 2, remove: 5, format: 4, delta: 1, lone: 1 })
  ) {
    case 'type': // as a person types, character by character
      for (let i = 0, n = r.between(1, 8); i < n; i++) t.insert(Math.min(at + i, t.length), r.pick('abc d'))
      break
    case 'insert':
      t.insert(at, random.text(r))
      break
    case 'formatted':
      note('format')
      t.insert(at, random.text(r), random.attributes(r))
      break
    case 'embed':
      note('embed')
      t.insertEmbed(
        at,
        r.oneIn(3) ? newType(r, 1, note) : random.object(r, 1, true),
        r.oneIn(2) ? random.attributes(r) : undefined,
      )
      break
    case 'remove':
      if (rest > 0) t.delete(at, r.between(1, Math.min(rest, 12)))
      break
    case 'format':
      note('format')
      if (rest > 0) t.format(at, r.between(1, rest), random.attributes(r))
      break
    case 'delta': {
      note('format')
      const delta = []
      if (at > 0) delta.push({ retain: at, ...(r.oneIn(2) ? { attributes: random.attributes(r) } : {}) })
      delta.push({ insert: random.text(r), attributes: random.attributes(r) })
      if (rest > 0) delta.push({ delete: r.between(1, rest) })
      t.applyDelta(delta)
      break
    }
    case 'lone': // half a surrogate pair, as a naive editor might insert it
      if (!r.oneIn(6) || note('lone surrogate') === false) break
      t.insert(at, r.pick(['\ud83d', '\ude00', 'a\ud83d', '\ude00b']))
  }
}

const editAttribute = (r, t, note) => {
  note('attribute')
  const name = random.key(r)
  if (r.oneIn(4)) t.removeAttribute(name)
  else t.setAttribute(name, r.oneIn(2) ? random.text(r) : random.value(r, 1))
}

const editArray = (r, doc, t, note) => {
  if (t.length > 0 && r.oneIn(3)) {
    const at = r.below(t.length)
    t.delete(at, r.between(1, Math.min(t.length - at, 4)))
    return
  }
  if (r.oneIn(25)) return insertLegacyJSON(r, doc, t, note)
  const content = []
  for (let n = r.between(1, 4); n > 0; n--) content.push(arrayContent(r, note))
  if (r.oneIn(3)) t.push(content)
  else t.insert(r.below(t.length + 1), content)
}

/** Arrays refuse undefined and bigint as elements; both may be inside of an element. */
const arrayContent = (r, note) => {
  if (r.oneIn(5)) return newType(r, 2, note)
  if (r.oneIn(20)) return newSubdocument(r, note)
  if (r.oneIn(10)) return random.bytes(r)
  const v = random.value(r)
  return v === undefined || typeof v === 'bigint' ? [v] : v
}

const editMap = (r, t, note) => {
  const name = random.key(r)
  if (r.oneIn(4)) {
    if (r.oneIn(8)) t.clear()
    else t.delete(name)
    return
  }
  if (r.oneIn(5)) t.set(name, newType(r, 2, note))
  else if (r.oneIn(20)) t.set(name, newSubdocument(r, note))
  else if (r.oneIn(10)) t.set(name, random.bytes(r))
  else t.set(name, random.value(r))
}

const editFragment = (r, t, note) => {
  if (t.length > 0 && r.oneIn(3)) {
    const at = r.below(t.length)
    t.delete(at, r.between(1, Math.min(t.length - at, 3)))
    return
  }
  const content = []
  for (let n = r.between(1, 2); n > 0; n--) content.push(newNode(r, note))
  t.insert(r.below(t.length + 1), content)
}

const newNode = (r, note) => {
  note('xml')
  switch (r.below(5)) {
    case 0:
      return new Y.XmlHook(r.pick(['hook', '', 'häken']))
    case 1:
    case 2: {
      const t = new Y.XmlText(r.oneIn(2) ? random.text(r) : '')
      if (r.oneIn(3)) t.setAttribute(random.key(r), random.text(r))
      return t
    }
    default: {
      const e = new Y.XmlElement(r.pick(['p', 'div', 'Heading', '日本']))
      if (r.oneIn(2)) e.setAttribute(random.key(r), random.text(r))
      if (r.oneIn(3)) e.insert(0, [new Y.XmlText(random.text(r))])
      return e
    }
  }
}

const newType = (r, depth, note) => {
  note('nested')
  switch (r.below(5)) {
    case 0:
      return Y.Array.from(depth > 0 && r.oneIn(2) ? [1, newType(r, depth - 1, note), 'x'] : [])
    case 1: {
      const m = new Y.Map()
      if (r.oneIn(2)) m.set(random.key(r), depth > 0 ? newType(r, depth - 1, note) : random.value(r))
      return m
    }
    case 2:
      return new Y.Text(r.oneIn(2) ? random.text(r) : undefined)
    case 3:
      return newNode(r, note)
    default:
      return new Y.XmlFragment()
  }
}

const newSubdocument = (r, note) => {
  note('subdocument')
  const opts = { guid: r.pick(['', 'sub', `dökument-${r.below(5)}`]) }
  if (r.oneIn(2)) opts.gc = false
  if (r.oneIn(3)) opts.autoLoad = true
  if (r.oneIn(3)) opts.meta = random.value(r, 1)
  return new Y.Doc(opts)
}

/** Content of the kind that yjs before 13.3 wrote (ContentJSON). Today's yjs only reads it, so it is made by hand. */
const insertLegacyJSON = (r, doc, t, note) => {
  note('legacy JSON')
  let left = null
  for (let item = t._start; item !== null && r.oneIn(2); item = item.right) left = item
  const right = left === null ? t._start : left.right
  const content = []
  for (let n = r.between(1, 3); n > 0; n--) content.push(random.value(r, 1, true))
  if (r.oneIn(4)) content.push(undefined)
  doc.transact((transaction) => {
    const id = Y.createID(doc.clientID, Y.getState(doc.store, doc.clientID))
    new Y.Item(
      id,
      left,
      left === null ? null : left.lastId,
      right,
      right === null ? null : right.id,
      t,
      null,
      new Y.ContentJSON(content),
    ).integrate(transaction, 0)
    if (t._searchMarker) t._searchMarker.length = 0 // they hold positions from before
  })
}
