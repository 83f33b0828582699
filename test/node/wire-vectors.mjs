// Writes what yjs and lib0 answer to random updates and values, one JSON object per line, for the Go tests of
// crdt/internal/wire and crdt/lib0:
//
//   node test/node/wire-vectors.mjs updates 1 20 > crdt/internal/wire/testdata/yjs.jsonl
//   node test/node/wire-vectors.mjs synthetic 1 25 > crdt/internal/wire/testdata/synthetic.jsonl
//   node test/node/wire-vectors.mjs values 1 500 > crdt/lib0/testdata/lib0.jsonl
//
// The arguments are what to write, the seed and the number of rounds. "damaged" is updates with random bytes changed,
// on some of which yjs does not end.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

const kind = process.argv[2] ?? 'updates'
const seed = Number(process.argv[3] ?? 1)
const rounds = Number(process.argv[4] ?? 20)
const mutate = kind === 'damaged'

let state = seed >>> 0
const random = () => {
  // mulberry32
  state = (state + 0x6d2b79f5) >>> 0
  let t = state
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const int = (n) => Math.floor(random() * n)
const pick = (list) => list[int(list.length)]
const hex = (b) => Buffer.from(b).toString('hex')
Math.random = random // guids of subdocuments

const emit = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const attempt = (op, f, rest) => {
  let out
  try {
    out = hex(f())
  } catch {
    out = null
  }
  emit({ op, ...rest, out })
}

const words = [
  'a',
  'hello',
  '\u{1F600}',
  'x\u{1F600}y',
  '\uD83D',
  '\uDE00',
  'né',
  '漢字\u{20BB7}',
  '',
  'b\uD83D',
  '\uDE00c',
  '힣',
  '\n',
  '"\\\u0001',
]
const keys = [
  '',
  'k',
  '1',
  '10',
  '02',
  'key',
  '4294967294',
  '4294967295',
  'é',
  '__proto_',
  '\uD83D',
  'constructor',
]
const numbers = [
  0,
  -0,
  1,
  -1,
  63,
  64,
  127,
  128,
  2147483647,
  -2147483647,
  2147483648,
  -2147483648,
  4294967296,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e20,
  123456789012345680000,
  0.1,
  0.5,
  1.5,
  -2.25,
  1e-6,
  1e-7,
  5e-324,
  1.7976931348623157e308,
  123.456,
  NaN,
  Infinity,
  -Infinity,
]
const value = (depth, exotic) => {
  switch (int(depth > 2 ? 5 : 8)) {
    case 0:
      return pick(numbers)
    case 1:
      return pick([null, true, false, ...(exotic ? [undefined] : [])])
    case 2:
      return pick(words)
    case 3:
      return int(100000) - 50000
    case 4:
      return exotic
        ? pick([new Uint8Array([1, 2, 255]), 12345678901234567890n, -1n, random()])
        : random() * 1000
    case 5:
      return Array.from({ length: int(4) }, () => value(depth + 1, exotic))
    default: {
      const o = {}
      for (let i = int(5); i > 0; i--) o[pick(keys)] = value(depth + 1, exotic)
      return o
    }
  }
}
const jsonValue = () => JSON.parse(JSON.stringify(value(0, false)) ?? 'null')

const change = (doc) => {
  const text = doc.getText('t')
  const array = doc.getArray('')
  const map = doc.getMap('m')
  const xml = doc.getXmlFragment('x')
  switch (int(14)) {
    case 0:
    case 1:
      text.insert(int(text.length + 1), pick(words))
      break
    case 2:
      if (text.length > 0) text.delete(int(text.length), 1)
      break
    case 3:
      if (text.length > 1) {
        const at = int(text.length - 1)
        text.format(at, 1 + int(text.length - at - 1), { [pick(keys)]: jsonValue() })
      }
      break
    case 4:
      text.insertEmbed(
        int(text.length + 1),
        { [pick(keys)]: jsonValue() },
        random() < 0.3 ? { bold: true } : {},
      )
      break
    case 5:
      array.insert(int(array.length + 1), [value(0, true), value(1, true)])
      break
    case 6:
      if (array.length > 0) array.delete(int(array.length), 1)
      break
    case 7:
      map.set(pick(keys), value(0, true))
      break
    case 8:
      map.delete(pick(keys))
      break
    case 9:
      xml.insert(int(xml.length + 1), [
        pick([
          () => new Y.XmlElement(pick(['p', 'div', 'é'])),
          () => new Y.XmlText('q'),
          () => new Y.XmlHook('hook'),
        ])(),
      ])
      break
    case 10:
      array.push([
        pick([
          () => new Y.Map([['a', 1]]),
          () => new Y.Array(),
          () => new Y.Text('n'),
          () => new Uint8Array([1, 2, 3]),
          () =>
            new Y.Doc({
              guid: 'g' + int(5),
              ...pick([{}, { gc: false }, { autoLoad: true }, { meta: value(0, true) }]),
            }),
        ])(),
      ])
      break
    case 11:
      if (xml.length > 0) {
        const e = xml.get(int(xml.length))
        if (e instanceof Y.XmlElement) e.setAttribute(pick(['id', '']), pick(words))
      }
      break
    case 12:
      if (xml.length > 0) xml.delete(int(xml.length), 1)
      break
    case 13:
      {
        const n = array.toArray().filter((x) => x instanceof Y.Map)
        if (n.length > 0) pick(n).set(pick(keys), value(0, true))
      }
      break
  }
}

const round = () => {
  const updates = { 1: [], 2: [] }
  const docs = Array.from({ length: 1 + int(4) }, () => {
    const doc = new Y.Doc({ gc: random() < 0.7 })
    doc.clientID = pick([int(5), int(2 ** 32), 2 ** 32 + int(2 ** 20), 2 ** 53 - 1 - int(3)])
    return doc
  })
  for (const doc of docs) {
    doc.on('update', (u, origin) => {
      if (origin !== 'remote') updates[1].push(u)
    })
    doc.on('updateV2', (u, origin) => {
      if (origin !== 'remote') updates[2].push(u)
    })
  }
  for (let i = 3 + int(30); i > 0; i--) {
    const doc = pick(docs)
    if (random() < 0.2) {
      const other = pick(docs)
      try {
        Y.applyUpdateV2(doc, Y.encodeStateAsUpdateV2(other), 'remote')
      } catch {}
    } else {
      try {
        doc.transact(() => {
          for (let j = 1 + int(3); j > 0; j--) change(doc)
        })
      } catch {}
    }
    if (random() < 0.1)
      try {
        updates[1].push(Y.encodeStateAsUpdate(doc))
        updates[2].push(Y.encodeStateAsUpdateV2(doc))
      } catch {}
  }
  check(
    updates,
    docs.map((d) => d.clientID),
  )
}

// check asks yjs for everything one can do with some of the updates.
const check = (updates, clients) => {
  for (const v of [1, 2]) {
    if (updates[v].length === 0) continue
    const damaged = (u) => {
      if (!mutate) return u
      const b = new Uint8Array(u)
      for (let i = 1 + int(2); i > 0; i--) b[int(b.length)] = pick([0, 1, 127, 128, 255, int(256)])
      return random() < 0.1 ? b.subarray(0, int(b.length)) : b
    }
    const f =
      v === 1
        ? {
            merge: Y.mergeUpdates,
            diff: Y.diffUpdate,
            sv: Y.encodeStateVectorFromUpdate,
            convert: Y.convertUpdateFormatV1ToV2,
          }
        : {
            merge: Y.mergeUpdatesV2,
            diff: Y.diffUpdateV2,
            sv: Y.encodeStateVectorFromUpdateV2,
            convert: Y.convertUpdateFormatV2ToV1,
          }
    for (let i = 0; i < 4; i++) {
      const some = Array.from({ length: int(6) }, () => pick(updates[v])).map(damaged)
      attempt('merge', () => f.merge(some), { v, in: some.map(hex) })
      let u = pick(updates[v])
      try {
        if (some.length > 1 && !mutate) u = f.merge(some)
      } catch {}
      u = damaged(u)
      attempt('sv', () => f.sv(u), { v, in: [hex(u)] })
      attempt('convert', () => f.convert(u), { v, in: [hex(u)] })
      const sv = new Map(clients.map((c) => [c, int(20)]))
      const encoded = Y.encodeStateVector(sv)
      attempt('diff', () => f.diff(u, encoded), { v, in: [hex(u)], sv: hex(encoded) })
      attempt(
        'rewrite',
        () => f.merge([u, new Uint8Array(v === 1 ? [0, 0] : Y.encodeStateAsUpdateV2(new Y.Doc()))]),
        { v, in: [hex(u)] },
      )
    }
  }
}

// synthetic makes updates that no document would: contents of all kinds, overlaps, ties of GC and item, gaps.
const synthetic = () => {
  const id = () => Y.createID(int(3), int(20))
  const text = () => Array.from({ length: 1 + int(4) }, () => pick(words)).join('') || 'z'
  const content = () =>
    pick([
      () => new Y.ContentString(text()),
      () => new Y.ContentString(text()),
      () => new Y.ContentString(text()),
      () => new Y.ContentDeleted(1 + int(5)),
      () => new Y.ContentJSON(Array.from({ length: 1 + int(4) }, () => pick([undefined, value(0, false)]))),
      () => new Y.ContentAny(Array.from({ length: 1 + int(4) }, () => value(0, true))),
      () => new Y.ContentBinary(new Uint8Array(int(4))),
      () => new Y.ContentEmbed(value(0, false)),
      () => new Y.ContentFormat(pick(keys), value(0, false)),
      () =>
        new Y.ContentType(
          pick([
            () => new Y.Array(),
            () => new Y.Map(),
            () => new Y.Text(),
            () => new Y.XmlElement(pick(keys)),
            () => new Y.XmlFragment(),
            () => new Y.XmlHook(pick(keys)),
            () => new Y.XmlText(),
          ])(),
        ),
      () => {
        // JSON text as others than JavaScript may write it
        const texts = Array.from({ length: 1 + int(3) }, () =>
          pick([
            'undefined',
            ' 1',
            '1.0',
            '-0',
            '[1, 2]',
            '1e400',
            '"\\u0041\\ud83d"',
            '{"b":1,"1":2,"b":3}',
            'null',
            '"x"',
            ...(random() < 0.1 ? ['x', ''] : []),
          ]),
        )
        const kind = pick([2, 2, 5, 6])
        return {
          getRef: () => kind,
          isCountable: () => true,
          getLength: () => (kind === 2 ? texts.length : 1),
          write: (e) => {
            if (kind === 2) {
              e.writeLen(texts.length)
              for (const t of texts) e.writeString(t)
              return
            }
            if (kind === 6) e.writeKey('k')
            e instanceof Y.UpdateEncoderV1 ? e.writeString(texts[0]) : e.writeAny(texts[0])
          },
        }
      },
      () => {
        // a subdocument with any options
        const c = new Y.ContentDoc(new Y.Doc({ guid: 'g' }))
        c.opts = pick([
          value(0, true),
          {},
          { gc: value(2, true), autoLoad: value(2, true), meta: value(0, true), x: 1 },
          { guid: 'other' },
        ])
        return c
      },
    ])()
  const struct = (client, clock) => {
    const at = Y.createID(client, clock)
    if (random() < 0.25) return new Y.GC(at, 1 + int(5))
    if (random() < 0.1) return new Y.Skip(at, 1 + int(5))
    const origin = random() < 0.6 ? id() : null
    const right = random() < 0.3 ? id() : null
    return new Y.Item(
      at,
      null,
      origin,
      null,
      right,
      pick([pick(words), id()]),
      pick([null, pick(keys)]),
      content(),
    )
  }
  const update = () => {
    const structs = []
    for (let client = 2; client >= 0; client--) {
      if (random() < 0.3) continue
      const block = []
      for (let clock = int(4) * int(3), n = 1 + int(6); n > 0; n--) {
        block.push(struct(client, clock))
        clock += block.at(-1).length
      }
      structs.push(block)
    }
    const deletes = [3, 2, 1, 0]
      .filter(() => random() < 0.4)
      .map((client) => {
        // twice the same client: V2 cannot write it
        let clock = 0
        return [
          client,
          Array.from({ length: int(4) }, () => {
            const r = [clock + int(4), 1 + int(3)]
            clock = r[0] + r[1]
            return r
          }),
        ]
      })
    return [Y.UpdateEncoderV1, Y.UpdateEncoderV2].map((Encoder) => {
      const e = new Encoder()
      encoding.writeVarUint(e.restEncoder, structs.length)
      for (const block of structs) {
        encoding.writeVarUint(e.restEncoder, block.length)
        e.writeClient(block[0].id.client)
        encoding.writeVarUint(e.restEncoder, block[0].id.clock)
        for (const s of block) s.write(e, 0)
      }
      encoding.writeVarUint(e.restEncoder, deletes.length)
      for (const [client, ranges] of deletes) {
        e.resetDsCurVal()
        encoding.writeVarUint(e.restEncoder, client)
        encoding.writeVarUint(e.restEncoder, ranges.length)
        for (const [clock, len] of ranges) {
          e.writeDsClock(clock)
          e.writeDsLen(len)
        }
      }
      return e.toUint8Array()
    })
  }
  const made = []
  for (let i = 1 + int(8); i > 0; i--)
    try {
      made.push(update())
    } catch {}
  if (made.length > 0) check({ 1: made.map((u) => u[0]), 2: made.map((u) => u[1]) }, [0, 1, 2])
}

const values = () => {
  const anyOf = (x) => {
    const e = encoding.createEncoder()
    encoding.writeAny(e, x)
    return encoding.toUint8Array(e)
  }
  const text = (s) => new TextEncoder().encode(s)
  const b = anyOf(value(0, true))
  if (random() < 0.5)
    for (let i = int(3); i > 0; i--)
      b[int(b.length)] = pick([0, 1, 64, 116, 117, 118, 119, 122, 123, 124, 125, 128, 255])
  let read
  let ok = true
  let size = 0
  try {
    const d = decoding.createDecoder(b)
    read = decoding.readAny(d)
    size = d.pos
  } catch {
    ok = false
  }
  if (size > b.length) ok = false
  const one = b.subarray(0, size)
  if (ok) {
    attempt('any', () => anyOf(read), { in: [hex(one)] })
    attempt('anyToJSON', () => text(JSON.stringify(read).toString()), { in: [hex(one)] })
  } else emit({ op: 'any', in: [hex(b)], out: null })
  let json = JSON.stringify(value(0, false)) ?? 'null'
  if (random() < 0.7) {
    const at = int(json.length + 1)
    const extra = [
      '1',
      '0',
      '-',
      '.5',
      'e3',
      'E-7',
      ' ',
      '\t',
      '"',
      '\\u00e9',
      '\\uD83D\\ude00',
      '\\ud83d',
      ',',
      '[',
      ']',
      '{}',
      '"a":1,',
      '"1":2,',
      '\\/',
      'null',
      '1e400',
      '-0',
      '0.10',
    ]
    json = json.slice(0, at) + pick(extra) + json.slice(at)
  }
  const bytes = text(json)
  const parse = () => JSON.parse(new TextDecoder().decode(bytes))
  attempt('json', () => text(JSON.stringify(parse())), { in: [hex(bytes)] })
  attempt('jsonToAny', () => anyOf(parse()), { in: [hex(bytes)] })
}

console.log = console.warn = console.error = () => {} // yjs warns, and stdout is ours
for (let i = 0; i < rounds; i++) kind === 'values' ? values() : kind === 'synthetic' ? synthetic() : round()
