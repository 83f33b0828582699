// Reads an update from standard input and prints it, one struct or deleted range per line.  node describe.mjs 1|2

import { readFileSync } from 'node:fs'
import * as Y from 'yjs'

const update = new Uint8Array(readFileSync(0))
const { structs, ds } = process.argv[2] === '2' ? Y.decodeUpdateV2(update) : Y.decodeUpdate(update)
const id = (x) => (x === null ? '-' : `${x.client}:${x.clock}`)
const parent = (p) =>
  p === null
    ? 'parent?'
    : typeof p === 'string'
      ? `root ${JSON.stringify(p)}`
      : p.client !== undefined
        ? `in ${id(p)}`
        : 'in a type'
const show = (v) =>
  JSON.stringify(v, (_, x) =>
    typeof x === 'bigint' ? `${x}n` : Object.is(x, -0) ? '-0' : x === undefined ? 'undefined' : x,
  )
const content = (c) => {
  const { type, doc, ...rest } = c
  if (type) return `type ${type.constructor.name} ${type.nodeName ?? type.hookName ?? ''}`
  return `${c.constructor.name} ${doc ? `doc ${doc.guid} ` : ''}${show(rest)}`
}

for (const s of structs) {
  if (!(s instanceof Y.Item)) {
    console.log(`${id(s.id)} ${s.constructor.name} length ${s.length}`)
    continue
  }
  console.log(
    `${id(s.id)} after ${id(s.origin)} before ${id(s.rightOrigin)} ${parent(s.parent)} key ${show(s.parentSub)} ${content(s.content)}`,
  )
}
ds.clients.forEach((ranges, client) => {
  for (const d of ranges) console.log(`deleted ${client}:${d.clock} length ${d.len}`)
})
