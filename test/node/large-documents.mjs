// Makes two large documents, each as one Yjs update V2 of about 5 MB, for measurements:
//
//   node test/node/large-documents.mjs <directory>
//
// text.v2 is a text that 40 people wrote in bursts, with a tenth deleted again; whiteboard.v2 is a map of shapes with
// random places and colours and short labels. The same directory and the same bytes on every run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Y from 'yjs'

const directory = process.argv[2]
mkdirSync(directory, { recursive: true })
let state = 1
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return Math.floor((state / 2 ** 32) * n)
}
const syllables = 'ta ne ro si lu ka mi do ve pa in er st an ou th le re'.split(' ')
const words = Array.from({ length: 8000 }, () =>
  Array.from({ length: 1 + random(4) }, () => syllables[random(syllables.length)]).join(''),
)
const word = () => words[Math.floor(random(90) ** 2 * Math.sqrt(random(90) / 90)) % words.length] // few are frequent
const phrase = (n) => Array.from({ length: n }, word).join(' ')

const text = new Y.Doc()
const content = text.getText('text')
for (let burst = 0; burst < 60000; burst++) {
  text.clientID = 1 + Math.floor(burst / 1500) * 7919
  const at = random(content.length + 1)
  const typed = `${phrase(4 + random(14))} `
  text.transact(() => content.insert(at, typed))
  if (burst % 10 === 0) content.delete(at, Math.min(40, typed.length))
}
writeFileSync(join(directory, 'text.v2'), Y.encodeStateAsUpdateV2(text))

const whiteboard = new Y.Doc()
whiteboard.clientID = 4711
const shapes = whiteboard.getMap('shapes')
const colours = Array.from({ length: 16 }, () => `#${(random(1 << 24) + (1 << 24)).toString(16).slice(1)}`)
for (let i = 0; i < 36000; i++) {
  const shape = new Y.Map()
  shapes.set(
    `shape-${(random(2 ** 32) + 2 ** 32).toString(36)}${(random(2 ** 32) + 2 ** 32).toString(36)}`,
    shape,
  )
  shape.set('kind', ['rectangle', 'ellipse', 'arrow', 'note'][random(4)])
  shape.set('x', random(400000) / 100)
  shape.set('y', random(400000) / 100)
  shape.set('size', { width: random(50000) / 100, height: random(50000) / 100 })
  shape.set('colour', colours[random(colours.length)])
  shape.set('label', phrase(random(5)))
}
writeFileSync(join(directory, 'whiteboard.v2'), Y.encodeStateAsUpdateV2(whiteboard))
