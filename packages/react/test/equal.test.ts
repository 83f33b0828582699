import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shallow, share } from '../src/equal.js'

test('shallow compares one level', () => {
  const o = {}
  for (const [a, b] of [
    [1, 1],
    [Number.NaN, Number.NaN],
    [[], []],
    [{}, {}],
    [
      [o, 1],
      [o, 1],
    ],
    [
      { a: o, b: undefined },
      { b: undefined, a: o },
    ],
  ] as unknown[][])
    expect(shallow(a, b)).toBe(true)
  for (const [a, b] of [
    [0, -0],
    [1, '1'],
    [[{}], [{}]],
    [[1], [1, 2]],
    [{ a: 1 }, { b: 1 }],
    [{ a: undefined }, { b: undefined }],
    [{ a: 1 }, { a: 1, b: 1 }],
    [[], {}],
    [null, {}],
    [new Map(), new Map()],
  ] as unknown[][]) {
    expect(shallow(a, b)).toBe(false)
    expect(shallow(b, a)).toBe(false)
  }
})

test('share gives the newer value with the equal parts of the older one', () => {
  const older = { a: { x: [1, 2] }, b: [{ y: 1 }, { y: 2 }], c: 1 }
  const newer = { a: { x: [1, 2] }, b: [{ y: 1 }, { y: 3 }], d: 1 }
  const shared = share<unknown>(older, newer) as typeof newer
  expect(shared).toEqual(newer)
  expect(shared.a).toBe(older.a)
  expect(shared.b[0]).toBe(older.b[0])
  expect(shared.b[1]).not.toBe(older.b[1])
})

test('share loses nothing, and knows equal values', () => {
  // JSON has no -0.
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)))
  fc.assert(
    fc.property(json, json, (older, newer) => {
      const before = structuredClone(older)
      expect(share(older, newer)).toEqual(newer)
      expect(older).toEqual(before)
    }),
  )
  fc.assert(
    fc.property(json, (value) => {
      expect(share(value, structuredClone(value))).toBe(value)
    }),
  )
})
