import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { newNestedText, wrap } from '../../src/synced/index.js'
import { Peers } from './peers.js'

const textOf = (doc: Y.Doc | undefined) => wrap((doc as Y.Doc).getText('text'))

it('a text is written, formatted and cut', () => {
  const text = textOf(new Y.Doc())
  text.insert(0, 'Hello world')
  text.insert(5, ',', { bold: true })
  expect(text.length).toBe(12)
  text.format(7, 99, { italic: true })
  expect(text.toDelta()).toEqual([
    { insert: 'Hello' },
    { insert: ',', attributes: { bold: true } },
    { insert: ' ' },
    { insert: 'world', attributes: { italic: true } },
  ])
  text.delete(5, 99)
  expect(text.toString()).toBe('Hello')
  expect(JSON.stringify({ text })).toBe('{"text":"Hello"}')
  text.type.applyDelta([{ retain: 5, attributes: { bold: true } }, { insert: '!' }])
  text.type.applyDelta([{ delete: 1 }, { insert: 'J' }, { retain: 5 }, { insert: { image: 'x.png' } }])
  expect(text.toDelta().map((step) => step.insert)).toEqual(['J', 'ello', '!', { image: 'x.png' }])
  text.format(0, text.length, { bold: null })
  expect(text.toDelta().some((step) => step.attributes?.bold)).toBe(false)
  text.clear()
  text.clear()
  expect(text.toString()).toBe('')
})

it('two people write one text', () => {
  const peers = new Peers(2)
  const [a, b] = peers.docs.map(textOf)
  a?.insert(0, 'one three')
  peers.sync()
  a?.insert(9, ' four')
  b?.insert(4, 'two ')
  peers.sync()
  for (const text of [a, b]) expect(text?.toString()).toBe('one two three four')
})

it('a text has a history, observers and copies', () => {
  const text = textOf(new Y.Doc())
  const history = text.newHistory()
  const deltas: unknown[] = []
  const observer = (event: Y.YTextEvent) => deltas.push(event.delta)
  text.observe(observer)
  text.insert(0, 'ab', { bold: true })
  const copy = text.copy()
  history.undo()
  text.unobserve(observer)
  text.insert(0, 'x')
  expect(deltas).toEqual([[{ insert: 'ab', attributes: { bold: true } }], [{ delete: 2 }]])
  const map = wrap(new Y.Doc().getMap('map'))
  map.set('copy', copy).set('new', newNestedText('fresh'))
  expect(map.get('copy').toDelta()).toEqual([{ insert: 'ab', attributes: { bold: true } }])
  expect(map.toJSON()).toEqual({ copy: 'ab', new: 'fresh' })
})
