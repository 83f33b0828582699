import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { History, newNestedList, newNestedMap, type SyncedMap, wrap } from '../../src/synced/index.js'
import { Peers } from './peers.js'

const mapOf = (doc: Y.Doc | undefined, name = 'map'): SyncedMap => wrap((doc as Y.Doc).getMap(name))

describe('a history', () => {
  it('undoes only what this client did', () => {
    const peers = new Peers(2)
    const [a, b] = peers.docs.map((doc) => wrap(doc.getArray('list')))
    const history = a?.newHistory() as History
    a?.push('mine')
    peers.sync()
    b?.push('theirs')
    b?.unshift('theirs too')
    peers.sync()
    expect(history.undo()).toBe(true)
    expect(history.undo()).toBe(false)
    peers.sync()
    for (const list of [a, b]) expect(list?.toArray()).toEqual(['theirs too', 'theirs'])
    history.redo()
    expect(a?.toArray()).toEqual(['theirs too', 'mine', 'theirs'])
  })

  it('does not take updates without an origin for its own', () => {
    const other = new Y.Doc()
    mapOf(other).set('theirs', 1)
    const doc = new Y.Doc()
    const history = mapOf(doc).newHistory()
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
    expect(history.canUndo()).toBe(false)
  })

  it('takes each transaction as a step', () => {
    const doc = new Y.Doc()
    const map = mapOf(doc)
    const history = map.newHistory()
    doc.transact(() => map.set('x', 1).set('y', 1))
    map.set('x', 2)
    history.undo()
    expect(map.toJSON()).toEqual({ x: 1, y: 1 })
    history.undo()
    expect(map.toJSON()).toEqual({})
  })

  it('merges steps however long they take, and none of those before and after', async () => {
    const map = mapOf(new Y.Doc())
    const history = map.newHistory()
    map.set('x', 1)
    history.mergeAll()
    for (const x of [2, 3, 4]) {
      map.set('x', x)
      // More than the timeout of 0 ms, as far as the clock of the machine goes.
      await new Promise((resolve) => setTimeout(resolve, 5))
      history.mergeAll()
    }
    history.stopMergingAll()
    map.set('x', 5)
    map.set('x', 6)
    expect(undone(history, map)).toEqual([5, 4, 1, undefined])
  })

  it('goes back to its own timeout after merging', () => {
    const map = mapOf(new Y.Doc())
    const history = map.newHistory(600_000)
    map.set('x', 1)
    history.mergeAll()
    map.set('x', 2)
    map.set('x', 3)
    history.stopMergingAll()
    history.stopMergingAll()
    map.set('x', 4)
    map.set('x', 5)
    expect(undone(history, map)).toEqual([3, 1, undefined])
  })

  it('goes on merging after an undo in between, without changing what is before', () => {
    const map = mapOf(new Y.Doc())
    const history = map.newHistory()
    map.set('x', 1)
    history.pause()
    map.set('x', 2)
    history.undo()
    map.set('x', 3)
    map.set('x', 4)
    history.resume()
    history.undo()
    expect(map.get('x')).toBe(1)
  })

  it('brings a nested type back with what is in it, and others can go on in it', () => {
    const peers = new Peers(2)
    const [a, b] = peers.docs.map((doc) => mapOf(doc)) as [SyncedMap, SyncedMap]
    const list = newNestedList()
    list.push('a', newNestedMap().set('deep', [1]))
    a.set('list', list)
    const history = a.newHistory()
    a.delete('list')
    peers.sync()
    expect(b.has('list')).toBe(false)
    history.undo()
    peers.sync()
    b.get('list').push('b')
    peers.sync()
    expect(a.toJSON()).toEqual({ list: ['a', { deep: [1] }, 'b'] })
  })

  it('covers what is nested, several types, or a whole document', () => {
    const doc = new Y.Doc()
    const [one, two, three] = ['1', '2', '3'].map((name) => mapOf(doc, name)) as [
      SyncedMap,
      SyncedMap,
      SyncedMap,
    ]
    one.set('inner', newNestedMap())
    const histories = { one: one.newHistory(), pair: new History([one, two]), all: new History(doc) }
    const steps = () => Object.values(histories).map((history) => history.canUndo())
    three.set('x', 1)
    expect(steps()).toEqual([false, false, true])
    two.set('x', 1)
    expect(steps()).toEqual([false, true, true])
    one.get('inner').set('x', 1)
    expect(steps()).toEqual([true, true, true])
    wrap(doc.getText('new')).insert(0, 'hello')
    histories.all.undo()
    expect(wrap(doc.getText('new')).length).toBe(0)
    expect(histories.all.canUndo()).toBe(true)
  })

  it('of a type that is not nested yet goes on when it is', () => {
    const inner = newNestedMap()
    const history = inner.newHistory()
    inner.set('x', 1)
    const map = mapOf(new Y.Doc())
    map.set('inner', inner)
    expect(history.canUndo()).toBe(false)
    inner.set('x', 2)
    history.undo()
    expect(inner.get('x')).toBe(1)
    expect(history.canUndo()).toBe(false)
  })

  it('takes origins of editor bindings when told', () => {
    const doc = new Y.Doc()
    const text = wrap(doc.getText('text'))
    const binding = {}
    const without = text.newHistory()
    const history = new History(text, 0, [binding])
    doc.transact(() => text.type.insert(0, 'typed'), binding)
    expect(without.canUndo()).toBe(false)
    history.undo()
    expect(text.toString()).toBe('')
  })

  it('tells when undo or redo become possible or impossible', () => {
    const map = mapOf(new Y.Doc())
    const history = map.newHistory()
    const seen: string[] = []
    const stop = history.subscribe(() => seen.push(`${history.canUndo()} ${history.canRedo()}`))
    map.set('x', 1)
    map.set('x', 2)
    history.undo()
    history.undo()
    history.redo()
    history.clear()
    expect(seen).toEqual(['true false', 'true true', 'false true', 'true true', 'false false'])
    stop()
    map.set('x', 3)
    expect(seen).toHaveLength(5)
  })

  it('is over when it was destroyed', () => {
    const map = mapOf(new Y.Doc())
    const history = map.newHistory()
    map.set('x', 1)
    history.destroy()
    expect(history.canUndo()).toBe(false)
    map.set('x', 2)
    expect(history.undo()).toBe(false)
    expect(map.get('x')).toBe(2)
  })

  it('refuses a scope or time that makes no sense', () => {
    const map = mapOf(new Y.Doc())
    expect(() => new History([])).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    expect(() => map.newHistory(-1)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })
})

/** The values of x after each undo. */
function undone(history: History, map: SyncedMap): unknown[] {
  const values = []
  while (history.undo()) values.push(map.get('x'))
  return values
}
