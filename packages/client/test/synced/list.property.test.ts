import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { History, newNestedMap, type SyncedList, wrap } from '../../src/synced/index.js'
import { Peers } from './peers.js'

const n = fc.nat({ max: 1000 })
const operation = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), at: n, count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('push' as const) }),
  fc.record({ kind: fc.constant('unshift' as const) }),
  fc.record({ kind: fc.constant('nest' as const), at: n }),
  fc.record({ kind: fc.constant('set' as const), at: n }),
  fc.record({ kind: fc.constant('delete' as const), at: n, count: fc.integer({ min: 1, max: 3 }) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('move' as const), at: n, to: n }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

let next = 0
/** A new element that no other equals. */
const fresh = () => ({ id: next++ })

/** Does an operation on a list, and on an array as JavaScript would. Elements are compared by what is in them. */
function apply(list: SyncedList, model: unknown[], op: Operation): { gone: unknown[]; made: unknown[] } {
  const length = model.length
  const change = { gone: [] as unknown[], made: [] as unknown[] }
  const splice = (at: number, count: number, made: unknown[]) => {
    change.made = made
    change.gone = model.splice(at, count, ...made)
  }
  if (op.kind === 'insert') {
    const elements = Array.from({ length: op.count }, fresh)
    splice(op.at % (length + 1), 0, elements)
    list.insert(op.at % (length + 1), ...elements)
  } else if (op.kind === 'push') {
    splice(length, 0, [fresh()])
    expect(list.push(change.made[0])).toBe(length + 1)
  } else if (op.kind === 'unshift') {
    splice(0, 0, [fresh()])
    expect(list.unshift(change.made[0])).toBe(length + 1)
  } else if (op.kind === 'nest') {
    const element = fresh()
    const map = newNestedMap()
    map.set('id', element.id)
    splice(op.at % (length + 1), 0, [element])
    list.insert(op.at % (length + 1), map)
  } else if (length) {
    const at = op.at % length
    if (op.kind === 'set') {
      splice(at, 1, [fresh()])
      list.set(at, change.made[0])
    } else if (op.kind === 'delete') {
      splice(at, op.count, [])
      list.delete(at, op.count)
    } else {
      const [moved] = model.splice(at, 1)
      model.splice(op.to % length, 0, moved)
      list.move(at, op.to % length)
    }
  }
  return change
}

const listOf = (doc: Y.Doc): SyncedList => wrap(doc.getArray('list'))
/** What somebody sees who comes later, and so has read nothing before. */
function reloaded(doc: Y.Doc): unknown[] {
  const other = new Y.Doc()
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
  return listOf(other).toJSON()
}

const runs = (numRuns: number) => ({ numRuns, seed: 20261123 })

describe('a list alone', () => {
  it('does as an array does', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const list = listOf(new Y.Doc())
        const model: unknown[] = []
        for (const op of operations) {
          apply(list, model, op)
          expect(list.toJSON()).toEqual(model)
          expect(list.length).toBe(model.length)
        }
      }),
      runs(300),
    )
  })

  it('does as an array does within one transaction', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), fc.boolean(), (operations, read) => {
        const doc = new Y.Doc()
        const list = listOf(doc)
        const model: unknown[] = []
        if (read) expect(list.toArray()).toEqual([])
        doc.transact(() => {
          for (const op of operations) {
            apply(list, model, op)
            expect(list.map((element) => element.id ?? element.get('id'))).toEqual(
              model.map((element: any) => element.id),
            )
            if (model.length) expect(list.get(model.length - 1)).toBe(list.toArray().at(-1))
          }
        })
        expect(list.toJSON()).toEqual(model)
      }),
      runs(200),
    )
  })

  it('goes back and forth through its history, moves and nested types too', () => {
    const step = fc.oneof(
      { weight: 2, arbitrary: operation },
      { weight: 1, arbitrary: fc.constantFrom('undo' as const, 'redo' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const list = listOf(new Y.Doc())
        const history = list.newHistory()
        let states: unknown[][] = [[]]
        let now = 0
        for (const op of steps) {
          if (op === 'undo') now -= history.undo() ? 1 : 0
          else if (op === 'redo') now += history.redo() ? 1 : 0
          else {
            const model = [...(states[now] as unknown[])]
            apply(list, model, op)
            // What changes nothing is no step.
            if (JSON.stringify(model) === JSON.stringify(states[now])) continue
            states = [...states.slice(0, now + 1), model]
            now++
          }
          expect(list.toJSON()).toEqual(states[now])
          expect(history.canUndo()).toBe(now > 0)
          expect(history.canRedo()).toBe(now < states.length - 1)
        }
      }),
      runs(300),
    )
  })
})

describe('lists of several clients', () => {
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.record({ client: fc.nat({ max: 2 }), op: operation }) },
    {
      weight: 3,
      arbitrary: fc.record({
        network: fc.constantFrom('deliver' as const, 'double' as const, 'drop' as const),
        pick: n,
      }),
    },
  )

  it('are the same in the end, with every element once', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const peers = new Peers(3)
        const made = new Set<number>()
        const gone = new Set<number>()
        const ids = (elements: unknown[]) => elements.map((element: any) => element.id as number)
        for (const e of events) {
          if ('network' in e) peers.network(e.network, e.pick)
          else {
            const list = listOf(peers.docs[e.client] as Y.Doc)
            const model = list.toJSON()
            const change = apply(list, model, e.op)
            for (const id of ids(change.made)) made.add(id)
            for (const id of ids(change.gone)) gone.add(id)
            expect(list.toJSON()).toEqual(model)
          }
          for (const doc of peers.docs) {
            const seen = ids(listOf(doc).toJSON())
            expect(new Set(seen).size).toBe(seen.length)
          }
        }
        peers.sync()
        const [first, ...others] = peers.docs.map((doc) => listOf(doc).toJSON())
        for (const other of others) expect(other).toEqual(first)
        expect(reloaded(peers.docs[0] as Y.Doc)).toEqual(first)
        expect(new Set(ids(first as unknown[]))).toEqual(new Set([...made].filter((id) => !gone.has(id))))
      }),
      runs(300),
    )
  })

  it('stay the same when everybody undoes and redoes', () => {
    const withHistory = fc.oneof(
      { weight: 4, arbitrary: event },
      {
        weight: 1,
        arbitrary: fc.record({
          client: fc.nat({ max: 2 }),
          way: fc.constantFrom('undo' as const, 'redo' as const),
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(withHistory, { maxLength: 60 }), (events) => {
        const peers = new Peers(3)
        const histories = peers.docs.map((doc) => new History(listOf(doc)))
        const gone = new Set<number>()
        for (const e of events) {
          if ('network' in e) peers.network(e.network, e.pick)
          else {
            const list = listOf(peers.docs[e.client] as Y.Doc)
            const before = list.toJSON()
            if ('way' in e) histories[e.client]?.[e.way]()
            else apply(list, list.toJSON(), e.op)
            const after = new Set(list.toJSON().map((element) => element.id))
            for (const { id } of before) if (!after.has(id)) gone.add(id)
          }
        }
        peers.sync()
        const [first, ...others] = peers.docs.map((doc) => listOf(doc).toJSON())
        for (const other of others) expect(other).toEqual(first)
        expect(reloaded(peers.docs[0] as Y.Doc)).toEqual(first)
        // Yjs lets an element that two clients brought back be there twice; what was never gone is there once.
        const ids = (first as { id: number }[]).map((element) => element.id).filter((id) => !gone.has(id))
        expect(new Set(ids).size).toBe(ids.length)
      }),
      runs(300),
    )
  })
})
