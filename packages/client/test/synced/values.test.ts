import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { SymphonyError } from '../../src/errors.js'
import { limitOf } from '../../src/limit.js'
import { newNestedList, newNestedMap, newNestedText, wrap } from '../../src/synced/index.js'

const room = () => {
  const doc = new Y.Doc()
  return {
    doc,
    list: wrap(doc.getArray('list')),
    map: wrap(doc.getMap('map')),
    text: wrap(doc.getText('text')),
  }
}

/** What another client reads. */
const elsewhere = (doc: Y.Doc) => {
  const other = new Y.Doc()
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
  return wrap(other.getMap('map'))
}

const cycle: Record<string, unknown> = { name: 'loop' }
cycle.self = { again: [cycle] }
class Point {
  x = 1
}
let deep: unknown = 1
for (let i = 0; i < 300; i++) deep = [deep]

describe('values', () => {
  const stored: [string, unknown][] = [
    ['null', null],
    ['undefined', undefined],
    ['zero', 0],
    ['minus zero', -0],
    ['NaN', Number.NaN],
    ['infinity', Number.NEGATIVE_INFINITY],
    ['large numbers', [2 ** 31, 2 ** 53, -(2 ** 53), 1e300, 0.1, 5e-324]],
    ['the largest BigInt', 2n ** 63n - 1n],
    ['the smallest BigInt', -(2n ** 63n)],
    ['strings', ['', 'ä', '😀', '\u0000']],
    ['bytes', new Uint8Array([0, 255])],
    ['bytes inside', { bytes: new Uint8Array([1, 2]) }],
    ['nested plain values', { a: [{ b: null, c: undefined }, []], '': {}, toString: 1 }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
  ]
  it.each(stored)('%s reaches other clients unchanged', (_, value) => {
    const { doc, map } = room()
    map.set('value', value)
    expect(map.get('value')).toEqual(value)
    expect(elsewhere(doc).get('value')).toEqual(value)
    expect(elsewhere(doc).has('value')).toBe(true)
  })

  const refused: [string, unknown, RegExp][] = [
    ['a function', () => 1, /value cannot be stored: a function.*store data only/],
    ['a symbol', Symbol('x'), /a symbol/],
    ['a Date', { items: [0, 1, 2, { when: new Date() }] }, /value\.items\[3\]\.when.*date\.toISOString\(\)/],
    ['a cycle', cycle, /value\.self\.again\[0\].*a cycle/],
    ['a BigInt beyond 64 bits', [2n ** 63n], /value\[0\].*BigInt.*toString/],
    ['a Map', { map: new Map() }, /value\.map.*Object\.fromEntries/],
    ['a Set', new Set(), /an instance of Set.*\[\.\.\.set\]/],
    ['a class instance', new Point(), /an instance of Point/],
    ['a typed array', new Float32Array(1), /Float32Array.*Uint8Array/],
    ['an ArrayBuffer', new ArrayBuffer(1), /ArrayBuffer.*Uint8Array/],
    ['a RegExp', { a: /x/ }, /RegExp/],
    ['a hole', Object.assign(new Array(3), { 0: 1 }), /value\[1\].*a hole/],
    ['half a surrogate pair', 'a\ud83d', /surrogate/],
    ['half a surrogate pair in a key', { '\udc00': 1 }, /surrogate/],
    ['a symbol as a key', { [Symbol('s')]: 1 }, /symbol as a key/],
    ['the key __proto__', JSON.parse('{"__proto__": 1}'), /__proto__/],
    ['the key constructor', { constructor: 1 }, /constructor/],
    ['too many levels', deep, /levels/],
    ['a Synced type in a plain object', { list: newNestedList() }, /value\.list.*synced type/],
    ['a Yjs type in a plain array', [new Y.Map()], /value\[0\].*synced type/],
  ]
  it.each(refused)('%s is refused, and nothing is changed', (_, value, message) => {
    const { doc, map, list } = room()
    map.set('kept', 1)
    list.push('kept')
    const before = Y.encodeStateAsUpdate(doc)
    const calls: [string, () => void][] = [
      ['map.set("value", …)', () => map.set('value', value)],
      ['list.push(…)', () => list.push('fine', value)],
      ['list.unshift(…)', () => list.unshift('fine', value)],
      ['list.insert(1, …)', () => list.insert(1, 'fine', value)],
      ['list.set(0, …)', () => list.set(0, value)],
    ]
    for (const [name, call] of calls) {
      const error = caught(call)
      expect(error.code).toBe('unsupported-value')
      expect(error.message).toMatch(message)
      expect(error.message.startsWith(`${name}: `)).toBe(true)
    }
    expect(Y.encodeStateAsUpdate(doc)).toEqual(before)
    map.set('value', 'usable')
    expect(elsewhere(doc).toJSON()).toEqual({ kept: 1, value: 'usable' })
  })

  it('refuses what Yjs cannot have as an element of a list', () => {
    const { list } = room()
    expect(caught(() => list.push(undefined)).message).toMatch(/undefined in a list; store \{ value \}/)
    expect(caught(() => list.push(1n)).message).toMatch(/bigint in a list; store \{ value \}/)
    list.push({ value: 1n })
    expect(list.get(0)).toEqual({ value: 1n })
    expect(caught(() => list.push({ 'symphony:moved': '1:0', n: 1 })).code).toBe('unsupported-value')
    expect(list.length).toBe(1)
  })

  it('refuses what is over the limit, counted in bytes', () => {
    const { doc, map, list } = room()
    limitOf.set(doc, 1000)
    map.set('fits', 'a'.repeat(900))
    map.set('fits', 'ä'.repeat(450))
    for (const value of [
      'a'.repeat(1001),
      'ä'.repeat(600),
      new Uint8Array(1001),
      [['a'.repeat(500)], 'a'.repeat(600)],
    ]) {
      expect(caught(() => map.set('value', value)).code).toBe('too-large')
      expect(caught(() => list.push(value)).message).toMatch(
        /^list\.push\(…\): \d+ bytes are over the limit of 1000/,
      )
    }
    expect(caught(() => list.push('a'.repeat(600), 'a'.repeat(600))).code).toBe('too-large')
    expect(map.has('value')).toBe(false)
    expect(list.length).toBe(0)
  })

  it('are not changed by what the caller does to its objects later', () => {
    const { doc, map, list } = room()
    const value = { tags: ['a'], bytes: new Uint8Array([1]) }
    map.set('value', value)
    list.push(value)
    value.tags.push('b')
    value.bytes[0] = 9
    expect(map.get('value')).toEqual({ tags: ['a'], bytes: new Uint8Array([1]) })
    expect(list.get(0)).toEqual(map.get('value'))
    expect(elsewhere(doc).get('value')).toEqual(map.get('value'))
  })

  it('have strings as keys of a map', () => {
    const { doc, map } = room()
    expect(caught(() => map.set(1 as unknown as string, 'x')).message).toMatch(
      /number is no string; use String/,
    )
    expect(caught(() => map.set('\ud800', 'x')).code).toBe('unsupported-value')
    map.set('', 'empty').set('__proto__', 'fine')
    expect(elsewhere(doc).get('')).toBe('empty')
    expect(elsewhere(doc).get('__proto__')).toBe('fine')
    expect(JSON.stringify(map)).toBe('{"":"empty","__proto__":"fine"}')
  })

  it('of text are checked', () => {
    const { text } = room()
    text.insert(0, 'hello')
    expect(caught(() => text.insert(0, 5 as unknown as string)).code).toBe('invalid-argument')
    expect(caught(() => text.insert(0, '\ud800')).code).toBe('unsupported-value')
    expect(caught(() => text.insert(6, 'x')).message).toMatch(
      /text\.insert\(6, …\): give whole numbers, 0 to 5/,
    )
    expect(caught(() => text.format(0, 1, { when: new Date() })).message).toMatch(/value\.when/)
    expect(text.toString()).toBe('hello')
  })
})

describe('nesting', () => {
  it('refuses a type that is in a document already, and says what to do', () => {
    const { map, list } = room()
    const inner = newNestedMap()
    map.set('inner', inner)
    for (const call of [() => list.push(inner), () => map.set('again', inner), () => list.push(map)]) {
      const error = caught(call)
      expect(error.code).toBe('invalid-argument')
      expect(error.message).toMatch(/copy\(\)/)
    }
    const twice = newNestedList()
    expect(caught(() => list.push(twice, twice)).code).toBe('invalid-argument')
    expect(list.length).toBe(0)
    list.push(inner.copy())
    expect(list.toJSON()).toEqual([{}])
  })

  it('refuses a type within itself', () => {
    const outer = newNestedList()
    const inner = newNestedMap()
    outer.push(inner)
    expect(caught(() => outer.push(outer)).message).toMatch(/in use.*copy\(\)/)
    expect(caught(() => inner.set('outer', outer)).message).toMatch(/in use.*copy\(\)/)
  })

  it('lets types be filled, read and observed before they are nested', () => {
    const { doc, map } = room()
    const outer = newNestedMap()
    const list = newNestedList()
    const text = newNestedText('hello')
    const events: unknown[] = []
    const deepEvents: unknown[] = []
    list.observe((event) => events.push(event.changes.delta))
    outer.observeDeep((all) => deepEvents.push(all.length))
    outer.set('list', list).set('text', text).set('n', 1)
    list.push('a', 'b', 'c')
    list.move(2, 0)
    text.format(0, 2, { bold: true })
    expect(outer.toJSON()).toEqual({ list: ['c', 'a', 'b'], text: 'hello', n: 1 })
    expect(outer.get('list')).toBe(list)
    map.set('outer', outer)
    expect(map.toJSON()).toEqual({ outer: { list: ['c', 'a', 'b'], text: 'hello', n: 1 } })
    expect(map.get('outer')).toBe(outer)
    expect(outer.get('list')).toBe(list)
    expect(outer.get('text')).toBe(text)
    expect(text.toDelta()).toEqual([{ insert: 'he', attributes: { bold: true } }, { insert: 'llo' }])
    expect(list.type.doc).toBe(doc)
    events.length = deepEvents.length = 0
    list.push('d')
    expect(events).toEqual([[{ retain: 3 }, { insert: ['d'] }]])
    expect(deepEvents).toEqual([1])
    expect(elsewhere(doc).toJSON()).toEqual(map.toJSON())
  })

  it('takes types of Yjs too', () => {
    const { map } = room()
    const raw = new Y.Array<string>()
    raw.push(['a'])
    map.set('raw', raw)
    expect(map.get('raw').toArray()).toEqual(['a'])
    expect(map.get('raw').type).toBe(raw)
  })
})

function caught(fn: () => void): SymphonyError {
  try {
    fn()
  } catch (error) {
    expect(error).toBeInstanceOf(SymphonyError)
    return error as SymphonyError
  }
  throw new Error('nothing was thrown')
}
