import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import {
  History,
  newNestedList,
  newNestedMap,
  Synced,
  SyncedList,
  SyncedMap,
  wrap,
} from '../../src/synced/index.js'
import { Peers } from './peers.js'

/*
 * A map with maps and lists nested in it at random, beside the same in plain JavaScript. An operation goes down from the
 * root by its path, as far as there are types, and does something there.
 */
const n = fc.nat({ max: 1000 })
const key = fc.constantFrom('a', 'b', 'c', '')
const leaf = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constant(undefined),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.uint8Array({ maxLength: 3 }),
)
const operation = fc.record({
  path: fc.array(n, { maxLength: 4 }),
  kind: fc.constantFrom(
    'set',
    'set',
    'nest map',
    'nest map',
    'nest list',
    'nest list',
    'delete',
    'move',
    'copy',
    'clear',
  ),
  key,
  at: n,
  to: n,
  value: leaf,
})
type Operation = Omit<typeof operation extends fc.Arbitrary<infer T> ? T : never, 'value'> & {
  value: unknown
}
type Model = Map<string, unknown> | unknown[]

const runs = (numRuns: number) => ({ numRuns, seed: 20261123 })
const rootOf = (doc: Y.Doc): SyncedMap => wrap(doc.getMap('root'))

/** What a Synced type shows, with Maps and Arrays for maps and lists. */
function show(value: unknown): unknown {
  if (value instanceof SyncedMap) return new Map([...value].map(([k, v]) => [k, show(v)]))
  return value instanceof SyncedList ? value.map(show) : value
}

/** What a Yjs type beneath holds, for what must be equal everywhere. */
const raw = (doc: Y.Doc) => doc.getMap('root').toJSON()

function apply(root: SyncedMap, op: Operation, filled: boolean): void {
  const model = show(root) as Map<string, unknown>
  let synced: Synced = root
  let plain: Model = model
  for (const step of op.path) {
    const children: [Synced, Model][] = []
    if (synced instanceof SyncedMap)
      for (const [k, v] of synced)
        if (v instanceof Synced) children.push([v, (plain as Map<string, Model>).get(k) as Model])
    if (synced instanceof SyncedList)
      synced.forEach((v, i) => {
        if (v instanceof Synced) children.push([v, (plain as Model[])[i] as Model])
      })
    if (!children.length) break
    ;[synced, plain] = children[step % children.length] as [Synced, Model]
  }
  if (synced instanceof SyncedMap) onMap(synced, plain as Map<string, unknown>, op, filled)
  else onList(synced as SyncedList, plain as unknown[], op, filled)
  expect(show(root)).toEqual(model)
}

/** A new value: plain, or a type that is filled before it is nested. */
function make(op: Operation, filled: boolean): [value: unknown, model: unknown] | undefined {
  if (op.kind === 'set') return [op.value, op.value]
  if (op.kind === 'nest map') {
    const map = newNestedMap()
    if (filled) map.set('filled', newNestedList()).get('filled').push('x', newNestedMap())
    return [map, show(map)]
  }
  if (op.kind === 'nest list') {
    const list = newNestedList()
    if (filled) list.push(newNestedMap().set('filled', 1), 'y')
    if (filled) list.move(0, 1)
    return [list, show(list)]
  }
}

function onMap(map: SyncedMap, model: Map<string, unknown>, op: Operation, filled: boolean): void {
  const made = make(op, filled)
  if (made) {
    map.set(op.key, made[0])
    model.set(op.key, made[1])
  } else if (op.kind === 'delete') expect(map.delete(op.key)).toBe(model.delete(op.key))
  else if (op.kind === 'copy') {
    const copy = map.copy()
    const copied = show(copy)
    map.set(op.key, copy)
    model.set(op.key, copied)
  } else if (op.kind === 'clear') {
    map.clear()
    model.clear()
  }
  expect(map.size()).toBe(model.size)
  for (const k of ['a', 'b', 'c', '', 'd']) expect(map.has(k)).toBe(model.has(k))
}

function onList(list: SyncedList, model: unknown[], op: Operation, filled: boolean): void {
  // A list of Yjs has neither undefined nor a BigInt as an element.
  const wrapped = op.kind === 'set' ? { ...op, value: [op.value] } : op
  const made = make(wrapped, filled)
  const at = op.at % (model.length + 1)
  if (made) {
    list.insert(at, made[0])
    model.splice(at, 0, made[1])
  } else if (op.kind === 'delete') {
    list.delete(at)
    model.splice(at, 1)
  } else if (op.kind === 'move' && model.length) {
    const [from, to] = [op.at % model.length, op.to % model.length]
    const identity = list.get(from)
    list.move(from, to)
    model.splice(to, 0, ...model.splice(from, 1))
    expect(list.get(to)).toBe(identity)
  } else if (op.kind === 'copy') {
    const copy = list.copy()
    const copied = show(copy)
    list.push(copy)
    model.push(copied)
  } else if (op.kind === 'clear') {
    list.clear()
    model.length = 0
  }
}

describe('nested maps and lists', () => {
  it('do as those of JavaScript do, go back through their history, and reach others', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(operation, fc.boolean()), { maxLength: 20 }), (operations) => {
        const doc = new Y.Doc()
        const root = rootOf(doc)
        const history = new History(doc)
        const states = [show(root)]
        for (const [op, filled] of operations) {
          apply(root, op, filled)
          // A step of the history for each change; one that changed nothing visible may be none.
          states.push(show(root))
        }
        const other = new Y.Doc()
        Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
        expect(show(rootOf(other))).toEqual(show(root))
        while (history.undo()) expect(states).toContainEqual(show(root))
        expect(show(root)).toEqual(new Map())
        while (history.redo()) expect(states).toContainEqual(show(root))
        expect(show(root)).toEqual(states.at(-1))
      }),
      runs(200),
    )
  })

  it('of several clients are the same in the end, with their histories', () => {
    const event = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ client: fc.nat({ max: 2 }), op: operation, filled: fc.boolean() }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          client: fc.nat({ max: 2 }),
          way: fc.constantFrom('undo' as const, 'redo' as const),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          network: fc.constantFrom('deliver' as const, 'double' as const, 'drop' as const),
          pick: n,
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const peers = new Peers(3)
        const histories = peers.docs.map((doc) => new History(doc))
        for (const e of events) {
          if ('network' in e) peers.network(e.network, e.pick)
          else if ('way' in e) histories[e.client]?.[e.way]()
          else apply(rootOf(peers.docs[e.client] as Y.Doc), e.op, e.filled)
        }
        peers.sync()
        const [first, ...others] = peers.docs as [Y.Doc, ...Y.Doc[]]
        for (const other of others) {
          expect(raw(other)).toEqual(raw(first))
          expect(show(rootOf(other))).toEqual(show(rootOf(first)))
        }
      }),
      runs(200),
    )
  })
})
