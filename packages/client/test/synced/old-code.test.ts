import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { newNestedList, newNestedMap, type SyncedList, type SyncedMap, wrap } from '../../src/synced/index.js'

/** Every method of CLIENT_API.md, called the way that application code of the first client does. */
function room() {
  const doc = new Y.Doc()
  return {
    doc,
    newList: (name: string): SyncedList => wrap(doc.getArray(name)),
    newMap: (name: string): SyncedMap => wrap(doc.getMap(name)),
    newNestedList,
    newNestedMap,
  }
}

describe('a list, as old code uses it', () => {
  it('is filled and read like an Array', () => {
    const list = room().newList('todos')
    expect(list.length).toBe(0)
    expect(list.push('a', 'b', 'c')).toBe(3)
    expect(list.unshift('z', 'y')).toBe(5)
    list.insert(2, 'm', 'n')
    list.insert(0, 'first')
    expect(list.toArray()).toEqual(['first', 'z', 'y', 'm', 'n', 'a', 'b', 'c'])
    list.set(0, 'FIRST')
    expect(list.get(0)).toBe('FIRST')
    list.delete(1, 2)
    list.delete(0)
    expect(list.toJSON()).toEqual(['m', 'n', 'a', 'b', 'c'])
    list.move(0, 4)
    expect(list.toArray()).toEqual(['n', 'a', 'b', 'c', 'm'])
    list.move(3, 0)
    expect(list.toArray()).toEqual(['c', 'n', 'a', 'b', 'm'])
    list.clear()
    expect(list.length).toBe(0)
    expect(list.get(0)).toBeUndefined()
  })

  it('has the reading methods of an Array', () => {
    const list = room().newList('numbers')
    list.push(3, 1, 4, 1, 5)
    expect(list.slice(1, 3)).toEqual([1, 4])
    expect(list.slice(-2)).toEqual([1, 5])
    expect(list.indexOf(1)).toBe(1)
    expect(list.indexOf(1, 2)).toBe(3)
    expect(list.lastIndexOf(1)).toBe(3)
    expect(list.lastIndexOf(1, 2)).toBe(1)
    expect(list.indexOf(9)).toBe(-1)
    expect(list.find((value: number) => value > 3)).toBe(4)
    expect(list.filter((value: number, index: number) => value > 1 && index > 0)).toEqual([4, 5])
    expect(list.map((value: number, index: number) => value * index)).toEqual([0, 1, 8, 3, 20])
    expect(list.some((value: number) => value === 5)).toBe(true)
    expect(list.every((value: number) => value < 5)).toBe(false)
    const seen: [number, number][] = []
    list.forEach((value: number, index: number) => {
      seen.push([value, index])
    })
    expect(seen[0]).toEqual([3, 0])
    expect(seen).toHaveLength(5)
    expect([...list.values()]).toEqual([3, 1, 4, 1, 5])
    expect([...list]).toEqual([3, 1, 4, 1, 5])
  })

  it('tells observers of changes until they stop', () => {
    const list = room().newList('observed')
    const deltas: unknown[] = []
    const observer = (event: Y.YArrayEvent<unknown>) => deltas.push(event.changes.delta)
    list.observe(observer)
    list.push('a')
    list.unobserve(observer)
    list.push('b')
    expect(deltas).toEqual([[{ insert: ['a'] }]])
  })
})

describe('a map, as old code uses it', () => {
  it('is filled and read like a Map', () => {
    const map = room().newMap('shape')
    map.set('x', 0)
    map.set('label', '').set('open', false).set('parent', null)
    for (const key of ['x', 'label', 'open', 'parent']) expect(map.has(key)).toBe(true)
    expect(map.has('y')).toBe(false)
    expect(map.get('x')).toBe(0)
    expect(map.get('y')).toBeUndefined()
    expect(map.size()).toBe(4)
    expect([...map.keys()]).toEqual(['x', 'label', 'open', 'parent'])
    expect([...map.values()]).toEqual([0, '', false, null])
    expect([...map.entries()][0]).toEqual(['x', 0])
    expect([...map]).toHaveLength(4)
    const seen: Record<string, unknown> = {}
    map.forEach((value: unknown, key: string) => {
      seen[key] = value
    })
    expect(seen).toEqual({ x: 0, label: '', open: false, parent: null })
    expect(map.toJSON()).toEqual(seen)
    expect(map.delete('x')).toBe(true)
    expect(map.delete('x')).toBe(false)
    map.clear()
    expect(map.size()).toBe(0)
  })

  it('tells which keys others changed', () => {
    const here = room()
    const there = room()
    const map = here.newMap('shapes')
    const changed: string[] = []
    const observer = (event: Y.YMapEvent<unknown>) => {
      if (event.transaction.local) return
      event.keysChanged.forEach((key) => {
        changed.push(key)
      })
    }
    map.observe(observer)
    map.set('mine', 1)
    there.newMap('shapes').set('theirs', 2)
    Y.applyUpdate(here.doc, Y.encodeStateAsUpdate(there.doc))
    expect(changed).toEqual(['theirs'])
    map.unobserve(observer)
    there.newMap('shapes').set('more', 3)
    Y.applyUpdate(here.doc, Y.encodeStateAsUpdate(there.doc))
    expect(changed).toEqual(['theirs'])
  })

  it('nests lists and maps, which are read as Synced types', () => {
    const { newMap, newNestedList, newNestedMap, newList } = room()
    const map = newMap('board')
    const points = newNestedList()
    points.push({ x: 1 }, { x: 2 })
    map.set('points', points)
    const shape = newNestedMap()
    shape.set('colour', 'red')
    newList('shapes').push(shape)
    expect(map.get('points')).toBe(points)
    expect(map.get('points').get(1)).toEqual({ x: 2 })
    map.get('points').push({ x: 3 })
    expect(points.length).toBe(3)
    newList('shapes').get(0).set('colour', 'blue')
    expect(shape.get('colour')).toBe('blue')
    expect(newList('shapes').toJSON()).toEqual([{ colour: 'blue' }])
  })

  it('is copied with what is nested in it', () => {
    const { newMap, newNestedMap } = room()
    const map = newMap('original')
    const inner = newNestedMap()
    map.set('inner', inner)
    inner.set('n', 1)
    const copy = map.copy()
    expect(copy.toJSON()).toEqual({ inner: { n: 1 } })
    newMap('copies').set('first', copy)
    newMap('copies').get('first').get('inner').set('n', 2)
    expect(inner.get('n')).toBe(1)
    expect(newMap('copies').toJSON()).toEqual({ first: { inner: { n: 2 } } })
  })
})

describe('a history, as old code uses it', () => {
  it('undoes and redoes', () => {
    const list = room().newList('todos')
    const history = list.newHistory()
    expect(history.canUndo()).toBe(false)
    list.push('a')
    list.push('b')
    expect(history.canUndo()).toBe(true)
    history.undo()
    expect(list.toArray()).toEqual(['a'])
    expect(history.canRedo()).toBe(true)
    history.redo()
    expect(list.toArray()).toEqual(['a', 'b'])
    history.clear()
    expect(history.canUndo()).toBe(false)
    expect(history.canRedo()).toBe(false)
  })

  it('merges what follows quickly, until told not to', () => {
    const map = room().newMap('drag')
    const history = map.newHistory(60_000)
    map.set('x', 1)
    map.set('x', 2)
    history.stopCaptureTimeout()
    map.set('x', 3)
    history.undo()
    expect(map.get('x')).toBe(2)
    history.undo()
    expect(map.get('x')).toBeUndefined()
  })

  it('merges all while it is told to', () => {
    const map = room().newMap('drag')
    const history = map.newHistory()
    map.set('x', 1)
    history.mergeAll()
    map.set('x', 2)
    map.set('x', 3)
    history.stopMergingAll()
    map.set('x', 4)
    history.pause()
    map.set('x', 5)
    map.set('x', 6)
    history.resume()
    map.set('x', 7)
    const values = [map.get('x')]
    while (history.canUndo()) {
      history.undo()
      values.push(map.get('x'))
    }
    expect(values).toEqual([7, 6, 4, 3, 1, undefined])
  })
})
