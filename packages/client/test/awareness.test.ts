// Our Awareness against the one of y-protocols, which all the others in a room may use.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as protocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Awareness } from '../src/awareness.js'

interface Change {
  added: number[]
  updated: number[]
  removed: number[]
}

const docs: Y.Doc[] = []
function newDoc(): Y.Doc {
  const doc = new Y.Doc()
  docs.push(doc)
  return doc
}

/** What an awareness tells from now on. */
function listen(awareness: protocol.Awareness): [string, Change, unknown][] {
  const heard: [string, Change, unknown][] = []
  for (const name of ['change', 'update'])
    awareness.on(name, (change: Change, origin: unknown) => heard.push([name, change, origin]))
  return heard
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  for (const doc of docs.splice(0)) doc.destroy()
  // No timer of any awareness outlives its document.
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('bindings and the functions of y-protocols take it for one of theirs', () => {
  const doc = newDoc()
  const own: protocol.Awareness = new Awareness(doc)
  const theirs = new protocol.Awareness(newDoc())
  expect([own.doc, own.clientID, own.getLocalState()]).toEqual([doc, doc.clientID, {}])
  own.setLocalStateField('name', 'Ada')
  const both = [own.clientID]
  protocol.applyAwarenessUpdate(theirs, protocol.encodeAwarenessUpdate(own, both), null)
  expect(theirs.getStates().get(own.clientID)).toEqual({ name: 'Ada' })
  theirs.setLocalState({ name: 'Bob' })
  protocol.applyAwarenessUpdate(own, protocol.encodeAwarenessUpdate(theirs, [theirs.clientID]), null)
  expect(own.states.get(theirs.clientID)).toEqual({ name: 'Bob' })
  protocol.removeAwarenessStates(own, [theirs.clientID], null)
  expect([...own.getStates().keys()]).toEqual([own.clientID])
})

test('its first state reaches others', () => {
  const theirs = new protocol.Awareness(newDoc())
  const own = new Awareness(newDoc())
  protocol.applyAwarenessUpdate(theirs, own.encode(), null)
  expect(theirs.getStates().get(own.clientID)).toEqual({})
})

test('tells the same of the same changes', () => {
  const doc = newDoc()
  const kinds = [new protocol.Awareness(doc), new Awareness(doc)] as const
  const peer = new protocol.Awareness(newDoc())
  const told = kinds.map((awareness) => {
    const heard = listen(awareness)
    const peers = [peer.clientID]
    const apply = (states: Map<number, any>) => {
      const update = protocol.encodeAwarenessUpdate(peer, peers, states)
      if (awareness instanceof Awareness) awareness.apply(update, 'peer')
      else protocol.applyAwarenessUpdate(awareness, update, 'peer')
    }
    awareness.setLocalState({ a: [1] })
    awareness.setLocalState({ a: [1] })
    awareness.setLocalStateField('a', null)
    awareness.setLocalState(null)
    awareness.setLocalStateField('b', 1)
    peer.setLocalState({ x: 1 })
    apply(peer.states)
    apply(peer.states)
    peer.setLocalState({ x: 1 })
    apply(peer.states)
    peer.setLocalState({ x: 2 })
    apply(peer.states)
    apply(new Map())
    apply(new Map())
    return heard
  })
  expect(told[1]).toEqual(told[0])
  expect(told[0]).toHaveLength(14)
})

test('says that it is here when others believe it gone, and never takes their word for it', () => {
  const own = new Awareness(newDoc())
  const theirs = new protocol.Awareness(newDoc())
  own.setLocalState({ name: 'Ada' })
  protocol.applyAwarenessUpdate(theirs, own.encode(), null)
  protocol.removeAwarenessStates(theirs, [own.clientID], null)
  const heard = listen(own)
  own.apply(protocol.encodeAwarenessUpdate(theirs, [own.clientID]), 'them')
  expect(own.getLocalState()).toEqual({ name: 'Ada' })
  expect(heard).toEqual([['update', { added: [], updated: [own.clientID], removed: [] }, 'them']])
  protocol.applyAwarenessUpdate(theirs, own.encode(), null)
  expect(theirs.getStates().get(own.clientID)).toEqual({ name: 'Ada' })
})

test('who is silent for 30 s is gone, who lives renews its state in time', () => {
  // Both ours: y-protocols keeps the clock of the machine, not of this test.
  const [own, living] = [new Awareness(newDoc()), new Awareness(newDoc())]
  const silent = new protocol.Awareness(newDoc())
  silent.setLocalState({ name: 'gone' })
  const update = protocol.encodeAwarenessUpdate(silent, [silent.clientID])
  for (const awareness of [own, living]) awareness.apply(update, 'them')
  own.on('update', () => living.apply(own.encode(), 'them'))
  living.on('update', () => own.apply(living.encode(), 'them'))
  living.setLocalState({ name: 'Bob' })
  const heard = listen(own)
  vi.advanceTimersByTime(29_000)
  expect(own.getStates().size).toBe(3)
  vi.advanceTimersByTime(100_000)
  for (const awareness of [own, living])
    expect(new Set(awareness.getStates().keys())).toEqual(new Set([own.clientID, living.clientID]))
  const removals = heard.filter(([name, { removed }]) => name === 'change' && removed.length)
  expect(removals).toEqual([['change', { added: [], updated: [], removed: [silent.clientID] }, 'timeout']])
})

test('others that were forgotten are seen again at the same clock', () => {
  const own = new Awareness(newDoc())
  const theirs = new protocol.Awareness(newDoc())
  theirs.setLocalState({ name: 'Bob' })
  const update = protocol.encodeAwarenessUpdate(theirs, [theirs.clientID])
  own.apply(update, 'them')
  own.forgetOthers('lost')
  expect([...own.getStates().keys()]).toEqual([own.clientID])
  own.apply(update, 'them')
  expect(own.getStates().get(theirs.clientID)).toEqual({ name: 'Bob' })
})

test('what is malformed changes nothing', () => {
  const own = new Awareness(newDoc())
  const theirs = new protocol.Awareness(newDoc())
  theirs.setLocalState({ name: 'Bob' })
  const update = protocol.encodeAwarenessUpdate(theirs, [theirs.clientID])
  const heard = listen(own)
  const two = new Uint8Array([2, ...update.subarray(1)])
  for (const bad of [new Uint8Array(), update.subarray(0, -1), two, new Uint8Array([1, 5, 5, 1, 0x7b])])
    expect(() => own.apply(bad, 'them')).toThrow()
  expect(heard).toEqual([])
  expect(own.getStates().size).toBe(1)
})

test('destroying it says that this client is gone', () => {
  const doc = newDoc()
  const own = new Awareness(doc)
  const heard = listen(own)
  const ends: unknown[] = []
  own.on('destroy', (one: unknown) => ends.push(one))
  doc.destroy()
  expect(ends).toEqual([own])
  const gone = { added: [], updated: [], removed: [own.clientID] }
  expect(heard).toEqual([
    ['change', gone, 'local'],
    ['update', gone, 'local'],
  ])
})

describe('random changes of several clients, of ours and of y-protocols', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))('reach everybody, seed %i', (seed) => {
    let x = seed
    const random = (n: number) => {
      x = (Math.imul(x, 1103515245) + 12345) >>> 0
      return (x >>> 8) % n
    }
    const clients = Array.from({ length: 4 }, (_, i) =>
      i % 2 ? new Awareness(newDoc()) : new protocol.Awareness(newDoc()),
    )
    type Client = (typeof clients)[number]
    const queues = new Map(clients.map((to) => [to, [] as Uint8Array[]]))
    const said = (of: Client, id = of.clientID) => protocol.encodeAwarenessUpdate(of, [id])
    const take = (to: Client, update: Uint8Array) =>
      to instanceof Awareness ? to.apply(update, 'net') : protocol.applyAwarenessUpdate(to, update, 'net')
    for (const from of clients)
      from.on('update', ({ added, updated, removed }: Change) => {
        if (![...added, ...updated, ...removed].includes(from.clientID)) return
        for (const to of clients) if (to !== from) queues.get(to)?.push(said(from))
      })
    for (let step = 0; step < 200; step++) {
      const client = clients[random(4)] as Client
      const queue = queues.get(client) as Uint8Array[]
      const what = random(10)
      if (what < 3) client.setLocalState({ n: random(3) })
      else if (what < 4) client.setLocalStateField('s', String(step))
      else if (what < 5) client.setLocalState(null)
      // What comes late, or twice, is not taken for newer.
      else if (queue.length) {
        const at = random(queue.length)
        const update = queue[at] as Uint8Array
        if (random(4)) queue.splice(at, 1)
        take(client, update)
      }
    }
    for (const client of clients) client.setLocalState({ last: client.clientID })
    for (let rest = true; rest; ) {
      rest = false
      for (const [to, queue] of queues)
        for (const update of queue.splice(0)) {
          rest = true
          take(to, update)
        }
    }
    const expected = clients.map(({ clientID }) => [clientID, { last: clientID }]).sort()
    for (const client of clients) expect([...client.getStates()].sort()).toEqual(expected)
  })
})
