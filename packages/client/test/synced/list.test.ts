import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { newNestedList, newNestedMap, type SyncedList, type SyncedMap, wrap } from '../../src/synced/index.js'
import { Peers } from './peers.js'

const listOf = (doc: Y.Doc | undefined): SyncedList => wrap((doc as Y.Doc).getArray('list'))

function two(...elements: unknown[]) {
  const peers = new Peers(2)
  const [a, b] = peers.docs.map(listOf) as [SyncedList, SyncedList]
  a.push(...elements)
  peers.sync()
  return { peers, a, b }
}

describe('a list', () => {
  it('says what is wrong with an index', () => {
    const list = listOf(new Y.Doc())
    list.push('a', 'b', 'c')
    const calls: [() => unknown, string][] = [
      [() => list.insert(7, 'x'), 'list.insert(7, …): give whole numbers, 0 to 3'],
      [() => list.insert(-1, 'x'), 'list.insert(-1, …): give whole numbers, 0 to 3'],
      [() => list.set(3, 'x'), 'list.set(3, …): give whole numbers, 0 to 2; push() appends'],
      [() => list.delete(4), 'list.delete(4, 1): give whole numbers, 0 to 3'],
      [() => list.delete(0, -1), 'list.delete(0, -1): give whole numbers, 0 to Infinity'],
      [() => list.move(0, 3), 'list.move(0, 3): give whole numbers, 0 to 2'],
      [() => list.move(1.5, 0), 'list.move(1.5, 0): give whole numbers, 0 to 2'],
      [() => newNestedList().set(0, 'x'), 'list.set(0, …): the list is empty; push() appends'],
    ]
    for (const [call, message] of calls)
      expect(call).toThrow(expect.objectContaining({ code: 'invalid-argument', message }))
    expect(list.toArray()).toEqual(['a', 'b', 'c'])
  })

  it('takes an index at its edges', () => {
    const list = listOf(new Y.Doc())
    list.insert(0, 'a')
    list.insert(1, 'c')
    list.set(0, 0)
    expect(list.get(0)).toBe(0)
    expect(list.get(2)).toBeUndefined()
    expect(list.get(-1)).toBeUndefined()
    list.delete(1, 99)
    list.delete(1)
    expect(list.toArray()).toEqual([0])
    expect(list.push()).toBe(1)
    expect(list.unshift()).toBe(1)
  })

  it('gives back the same Synced type each time, so that it can be found', () => {
    const list = listOf(new Y.Doc())
    const map = newNestedMap()
    list.push('a', map)
    expect(list.get(1)).toBe(map)
    expect(list.indexOf(map)).toBe(1)
    expect(list.find((value) => value === map)).toBe(map)
  })

  it('hands out arrays that are the caller’s own', () => {
    const list = listOf(new Y.Doc())
    list.push(1, 2)
    list.toArray().push(3)
    list.slice().length = 0
    expect(list.toArray()).toEqual([1, 2])
  })

  it('may be changed while it is iterated', () => {
    const list = listOf(new Y.Doc())
    list.push(1, 2, 3)
    list.forEach((value) => {
      list.push(value * 10)
    })
    expect(list.toArray()).toEqual([1, 2, 3, 10, 20, 30])
  })

  it('is up to date for whoever observes anything', () => {
    const { peers, a, b } = two('x')
    expect(b.toArray()).toEqual(['x'])
    const seen: unknown[] = []
    const log = (peers.docs[1] as Y.Doc).getMap('log')
    log.observe(() => seen.push(b.toArray()))
    peers.docs[0]?.transact(() => {
      peers.docs[0]?.getMap('log').set('n', 1)
      a.push('y')
    })
    peers.sync()
    expect(seen).toEqual([['x', 'y']])
  })

  it('sees what is done to the Yjs type beneath, within a transaction too', () => {
    const doc = new Y.Doc()
    const list = listOf(doc)
    list.push('a')
    expect(list.toArray()).toEqual(['a'])
    doc.transact(() => {
      expect(list.toArray()).toEqual(['a'])
      list.type.delete(0, 1)
      list.type.insert(0, ['b'])
      expect(list.toArray()).toEqual(['b'])
      expect(list.get(0)).toBe('b')
    })
    expect(list.toArray()).toEqual(['b'])
  })

  it('moves to another document with its observers and histories', () => {
    const list = listOf(new Y.Doc())
    const history = list.newHistory()
    const events: Y.Doc[] = []
    list.observe((event) => events.push(event.target.doc))
    list.push('old')
    const doc = new Y.Doc()
    doc.getArray('list').push(['new'])
    const old = list.type
    list.rebind(doc.getArray('list'))
    expect(list.toArray()).toEqual(['new'])
    expect(wrap(doc.getArray('list'))).toBe(list)
    expect(history.canUndo()).toBe(false)
    old.push(['lost'])
    list.push('more')
    expect(events).toEqual([old.doc, doc])
    history.undo()
    expect(list.toArray()).toEqual(['new'])
  })
})

describe('moving', () => {
  it('keeps a nested type what it is, with what others write into it meanwhile', () => {
    const { peers, a, b } = two('x', 'y')
    const map = newNestedMap()
    a.unshift(map)
    peers.sync()
    a.move(0, 2)
    b.get(0).set('title', 'written meanwhile')
    peers.sync()
    expect(a.get(2)).toBe(map)
    for (const list of [a, b]) expect(list.toJSON()).toEqual(['x', 'y', { title: 'written meanwhile' }])
  })

  it('two people move one element: it is in one of the places', () => {
    const { peers, a, b } = two('m', 1, 2, 3)
    a.move(0, 1)
    b.move(0, 3)
    peers.sync()
    expect(a.toArray()).toEqual(b.toArray())
    expect([
      [1, 'm', 2, 3],
      [1, 2, 3, 'm'],
    ]).toContainEqual(a.toArray())
    // The next move ends all doubt, and leaves nothing of the earlier ones behind.
    a.move(a.indexOf('m'), 0)
    peers.sync()
    expect(b.toArray()).toEqual(['m', 1, 2, 3])
    expect(b.type.length).toBe(5)
  })

  it('one moves, one deletes: it is deleted', () => {
    const { peers, a, b } = two('m', 1, 2)
    a.move(0, 2)
    b.delete(0)
    peers.sync()
    for (const list of [a, b]) expect(list.toArray()).toEqual([1, 2])
  })

  it('one moves, one replaces: the new one is there once', () => {
    const { peers, a, b } = two('m', 1, 2)
    a.move(0, 2)
    b.set(0, 'n')
    peers.sync()
    for (const list of [a, b]) expect(list.toArray()).toEqual(['n', 1, 2])
  })

  it('undoing a move leaves the later one of somebody else', () => {
    const { peers, a, b } = two('m', 1, 2)
    a.move(0, 1)
    peers.sync()
    const history = a.newHistory()
    a.move(1, 0)
    b.move(1, 2)
    peers.sync()
    history.undo()
    peers.sync()
    for (const list of [a, b]) expect(list.toArray()).toEqual([1, 2, 'm'])
  })

  it('what is brought back is where it had been moved, everywhere', () => {
    const { peers, a, b } = two('m', 1, 2)
    b.move(0, 2)
    peers.sync()
    const history = a.newHistory()
    for (let round = 0; round < 20; round++) {
      if (round) history.redo()
      else a.delete(2)
      peers.sync()
      expect(b.toArray()).toEqual([1, 2])
      history.undo()
      peers.sync()
      for (const list of [a, b]) expect(list.toArray()).toEqual([1, 2, 'm'])
    }
    // Element, marker, alias: nothing piles up.
    expect(a.type.length).toBe(5)
  })

  it('a nested list comes back with its moves', () => {
    const peers = new Peers(2)
    const [a, b] = peers.docs.map((doc) => wrap(doc.getMap('map'))) as [SyncedMap, SyncedMap]
    const inner = newNestedList()
    inner.push('m', 1, 2)
    a.set('inner', inner)
    inner.move(0, 2)
    const history = a.newHistory()
    a.delete('inner')
    history.undo()
    peers.sync()
    for (const map of [a, b]) expect(map.toJSON()).toEqual({ inner: [1, 2, 'm'] })
  })

  it('a first move that comes in a transaction of somebody else’s making is seen', () => {
    const { peers, a, b } = two('m', 1, 2)
    expect(b.length).toBe(3)
    a.move(0, 2)
    const update = Y.encodeStateAsUpdate(peers.docs[0] as Y.Doc)
    peers.docs[1]?.transact(() => Y.applyUpdate(peers.docs[1] as Y.Doc, update), 'batch')
    expect(b.length).toBe(3)
    expect(b.push(3)).toBe(4)
    expect(b.toArray()).toEqual([1, 2, 'm', 3])
  })

  it('plain Yjs clients find the element at home, and can delete it', () => {
    const { peers, a, b } = two('m', 1)
    a.move(0, 1)
    peers.sync()
    expect(b.type.get(0)).toBe('m')
    b.type.delete(0)
    peers.sync()
    expect(a.toArray()).toEqual([1])
  })

  it('markers that a faulty client wrote are not shown', () => {
    const list = listOf(new Y.Doc())
    list.push('a', 'b')
    const markers = [
      '',
      ':',
      '1',
      'x:y',
      '99:0',
      `${list.type.doc?.clientID}:2`,
      `${list.type.doc?.clientID}:999`,
    ]
    list.type.insert(
      1,
      markers.map((id) => ({ 'symphony:moved': id, n: 1 })),
    )
    list.type.push([
      { 'symphony:moved': '99:0', to: '98:0' },
      { 'symphony:moved': '98:0', to: '99:0' },
    ])
    expect(list.toArray()).toEqual(['a', 'b'])
    list.move(1, 0)
    expect(list.toArray()).toEqual(['b', 'a'])
    list.clear()
    expect(list.type.length).toBe(0)
  })
})
