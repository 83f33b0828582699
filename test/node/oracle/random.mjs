// Everything random in a case comes from here, so that seed and case number alone give the case again.

/** A small seeded generator (sfc32). */
export class Random {
  constructor(seed, stream) {
    this.a = seed >>> 0
    this.b = Math.floor(seed / 0x100000000) >>> 0
    this.c = stream >>> 0
    this.d = 1
    this.astral = true // whether text has characters outside the basic plane
    for (let i = 0; i < 15; i++) this.uint32()
  }

  uint32() {
    const t = (((this.a + this.b) | 0) + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (this.c << 21) | (this.c >>> 11)
    this.c = (this.c + t) | 0
    return t >>> 0
  }

  /** A whole number from 0 to n-1. */
  below(n) {
    return n <= 1 ? 0 : this.uint32() % n
  }

  /** A whole number from lo to hi, both included. */
  between(lo, hi) {
    return lo + this.below(hi - lo + 1)
  }

  /** True one time in n. */
  oneIn(n) {
    return this.below(n) === 0
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  /** One of the keys of table, whose values are weights. */
  weighted(table) {
    let sum = 0
    for (const key in table) sum += table[key]
    let at = this.below(sum)
    for (const key in table) {
      at -= table[key]
      if (at < 0) return key
    }
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const x = list[i]
      list[i] = list[j]
      list[j] = x
    }
    return list
  }
}

const words = [
  'a',
  'b',
  'hello',
  ' ',
  '\n',
  'Symphony',
  'x'.repeat(40),
  'ä',
  'ßü',
  '日本語',
  '…',
  '\u0000',
  '"\\/',
  '\u2028',
  '\t',
  '\u007f',
  '<b>&amp;',
]
const astral = ['😀', '𝒳𝒴', '👩‍👩‍👧', '🇩🇪', '😀😀😀', 'a😀b', '\u{10ffff}', '\u{10000}']

/** Text of mostly ordinary characters; often with some outside the basic plane. */
export const text = (r) => {
  if (r.oneIn(60)) return r.pick(words).repeat(r.between(50, 400))
  let s = ''
  for (let n = r.between(1, 4); n > 0; n--) s += r.astral && r.oneIn(3) ? r.pick(astral) : r.pick(words)
  return s
}

const keys = [
  '',
  '0',
  '1',
  '10',
  '2',
  'a',
  'key',
  'ключ',
  '😀',
  'valueOf',
  'x'.repeat(70),
  '-1',
  '01',
  '4294967294',
  '4294967295',
  '1.5',
  ' ',
]

/** A key of a map, or an attribute's name. Never __proto__ and constructor: yjs stumbles over them in plain objects. */
export const key = (r) => (r.oneIn(2) ? r.pick(['a', 'b', 'c']) : r.pick(keys))

const numbers = [
  0,
  -0,
  1,
  -1,
  63,
  64,
  -64,
  127,
  128,
  8191,
  8192,
  1e6,
  -1e6,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) + 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  0.5,
  -0.25,
  0.1,
  1.1,
  3.4028234663852886e38,
  1e39,
  1.7976931348623157e308,
  5e-324,
  1e-7,
  1e21,
  123456789012345680000,
  1.5e-10,
  NaN,
  Infinity,
  -Infinity,
]
const bigints = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 12345678901234567890n % 2n ** 63n]

export const bytes = (r) => {
  const b = new Uint8Array(r.oneIn(30) ? 300 : r.below(6))
  for (let i = 0; i < b.length; i++) b[i] = r.below(256)
  return b
}

/**
 * Any value that yjs can carry. `json` leaves out what JSON.stringify refuses, because V1 writes embeds and formats
 * as JSON text.
 */
export const value = (r, depth = 2, json = false) => {
  switch (r.below(depth > 0 ? 12 : 9)) {
    case 0:
      return null
    case 1:
      return json ? null : undefined
    case 2:
      return r.oneIn(2)
    case 3:
      return r.pick(numbers)
    case 4:
      return r.below(1000)
    case 5:
      return text(r)
    case 6:
      return r.pick(['', 'plain'])
    case 7:
      return json || depth === 2 ? r.uint32() / 65536 : r.pick(bigints)
    case 8:
      return depth === 2 ? r.uint32() : bytes(r)
    case 9:
      return list(r, depth - 1, json)
    default:
      return object(r, depth - 1, json)
  }
}

const list = (r, depth, json) => {
  const l = []
  for (let n = r.below(4); n > 0; n--) l.push(inner(r, depth, json))
  return l
}

/** An object; undefined inside is allowed even for JSON, which leaves it out. */
export const object = (r, depth = 1, json = false) => {
  const o = {}
  for (let n = r.below(4); n > 0; n--) o[key(r)] = inner(r, depth, json)
  return o
}

const inner = (r, depth, json) => (json && r.oneIn(12) ? undefined : value(r, depth, json))

/** Attributes of rich text: mostly the same few names, so that formats overlap; null ends one. */
export const attributes = (r) => {
  const a = {}
  for (let n = r.between(1, 2); n > 0; n--) {
    const name = r.weighted({ bold: 5, italic: 4, color: 3, '': 1, 7: 1, 'schrift😀': 1 })
    a[name] = r.oneIn(3) ? null : r.oneIn(4) ? value(r, 1, true) : r.pick([true, 'red', 'blue'])
  }
  return a
}
