// The connection against the real server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { Peer, pause, Recorder, same, until } from '../support/peers.js'
import { SymphonyServer } from '../support/server.js'

let server: SymphonyServer
let peers: Peer[] = []
let rooms = 0

beforeAll(async () => {
  server = await SymphonyServer.start()
})
afterEach(() => {
  for (const peer of peers) peer.destroy()
  peers = []
})
afterAll(() => server.dispose())

const newRoom = () => server.room(`room-${++rooms}`)
function enter(url: string, options: ConstructorParameters<typeof Peer>[1] = {}): Peer {
  const peer = new Peer(url, options)
  peers.push(peer)
  return peer
}

describe('content', () => {
  test('two clients come to the same content', async () => {
    const url = newRoom()
    const a = enter(url)
    const b = enter(url)
    a.text.insert(0, 'before anybody is connected ')
    await Promise.all([a.synced(), b.synced()])
    a.text.insert(0, 'from a ')
    b.text.insert(0, 'from b ')
    b.text.delete(0, 2)
    await until('convergence', () => same(a.doc, b.doc) && a.text.length > 35)
    expect(a.text.toString()).toBe(b.text.toString())
    expect(a.text.toString()).toContain('before anybody')
    expect(a.connection.plain).toBe(false)
    expect(a.connection.maxMessage).toBe(64 << 20)
    expect(a.errors).toEqual([])
    expect(a.statuses).toEqual(['connected'])
    await Promise.all([a.saved(), b.saved()])
  })

  test('1,000 changes of one turn are one message, awaits between them included', async () => {
    const url = newRoom()
    const recorder = new Recorder()
    const a = enter(url, { WebSocket: recorder.WebSocket })
    const b = enter(url)
    await Promise.all([a.saved(), b.synced()])
    const before = recorder.count(0, 2)
    for (let i = 0; i < 1000; i++) {
      a.list.push([i])
      if (i % 100 === 0) await null
    }
    await until('arrival', () => b.list.length === 1000)
    await a.saved()
    expect(recorder.count(0, 2) - before).toBe(1)
  })

  test('changes before the answer to the server are not sent twice', async () => {
    const recorder = new Recorder()
    const a = enter(newRoom(), { WebSocket: recorder.WebSocket })
    a.text.insert(0, 'early')
    await a.saved()
    expect(recorder.count(0, 1)).toBe(1)
    expect(recorder.count(0, 2)).toBe(0)
  })

  test('changes that came from the server are not sent back', async () => {
    const url = newRoom()
    const recorder = new Recorder()
    const a = enter(url)
    const b = enter(url, { WebSocket: recorder.WebSocket })
    await Promise.all([a.synced(), b.synced()])
    const origins = new Set<unknown>()
    b.doc.on('update', (_: Uint8Array, origin: unknown) => origins.add(origin))
    a.text.insert(0, 'from a')
    await until('arrival', () => b.text.length === 6)
    // An echo would have gone out before this.
    b.text.insert(0, 'x')
    await b.saved()
    expect(recorder.count(0, 2)).toBe(1)
    expect([...origins]).toEqual([b.connection, null])
  })

  test('an error in a listener of the application breaks nothing', async () => {
    const url = newRoom()
    const a = enter(url)
    const b = enter(url)
    await Promise.all([a.synced(), b.synced()])
    const thrown: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    try {
      b.text.observe(() => {
        throw new Error('of the application')
      })
      a.text.insert(0, '1')
      await until('the error', () => thrown.length === 1)
      a.text.insert(1, '2')
      await until('arrival', () => b.text.toString() === '12')
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const other of others) process.on('uncaughtException', other)
    }
    expect(b.statuses).toEqual(['connected'])
    expect(b.errors).toEqual([])
  })
})

describe('presence', () => {
  test('others are seen at once, even if they never changed their presence', async () => {
    const url = newRoom()
    const a = enter(url)
    await a.synced()
    const b = enter(url)
    await until('both', () => a.awareness.getStates().size === 2 && b.awareness.getStates().size === 2)
    b.destroy()
    await until('b is gone', () => a.awareness.getStates().size === 1)
  })

  test('many changes are few messages, and the last one wins', async () => {
    const url = newRoom()
    const recorder = new Recorder()
    const a = enter(url, { WebSocket: recorder.WebSocket, presenceInterval: 200 })
    const b = enter(url)
    await Promise.all([a.synced(), b.synced()])
    await until('a is seen', () => b.awareness.getStates().has(a.awareness.clientID))
    const before = recorder.count(1)
    const start = performance.now()
    let last = 0
    while (performance.now() - start < 1000) {
      a.awareness.setLocalState({ cursor: ++last })
      await pause(2)
    }
    await until('the last value', () => b.awareness.getStates().get(a.awareness.clientID)?.cursor === last)
    const sent = recorder.count(1) - before
    const elapsed = performance.now() - start
    expect(sent).toBeGreaterThan(1)
    expect(sent).toBeLessThanOrEqual(elapsed / 200 + 2)
  })

  test('only the own state is sent', async () => {
    const url = newRoom()
    const recorder = new Recorder()
    const a = enter(url)
    const b = enter(url, { WebSocket: recorder.WebSocket })
    a.awareness.setLocalState({ name: 'A' })
    await until('b sees a', () => b.awareness.getStates().get(a.awareness.clientID)?.name === 'A')
    b.awareness.setLocalState({ name: 'B' })
    await until('a sees b', () => a.awareness.getStates().get(b.awareness.clientID)?.name === 'B')
    for (const message of recorder.sent.filter((m) => m[0] === 1)) expect(message[2]).toBe(1)
  })

  test('when the connection is lost the others are gone, and back with it', async () => {
    const away = await SymphonyServer.start()
    try {
      const a = enter(away.room('p'))
      const b = enter(away.room('p'))
      b.awareness.setLocalState({ name: 'B' })
      await until('a sees b', () => a.awareness.getStates().has(b.awareness.clientID))
      await away.stop()
      await until('a is alone', () => a.awareness.getStates().size === 1)
      expect(a.connection.status).toBe('reconnecting')
      await away.run()
      await until('b is back', () => a.awareness.getStates().get(b.awareness.clientID)?.name === 'B')
    } finally {
      await away.dispose()
    }
  })

  test('presence that is too large is not sent, and an error says so', async () => {
    const a = enter(newRoom())
    await a.synced()
    a.awareness.setLocalState({ big: 'x'.repeat(1 << 20) })
    await until('the error', () => a.errors.length > 0)
    expect(a.errors[0]?.code).toBe('too-large')
    a.text.insert(0, 'still here')
    await a.saved()
  })
})

describe('events', () => {
  test('reach the others with the sender, after what was changed before them', async () => {
    const url = newRoom()
    const a = enter(url)
    const b = enter(url)
    await Promise.all([a.synced(), b.synced()])
    let textThen = ''
    b.on('event', () => {
      textThen = b.text.toString()
    })
    a.text.insert(0, 'look')
    expect(a.connection.broadcast({ ping: [1, null, 'ä'] })).toBe(true)
    await until('the event', () => b.events.length === 1)
    expect(b.events).toEqual([[{ ping: [1, null, 'ä'] }, a.awareness.clientID]])
    expect(textThen).toBe('look')
    expect(a.events).toEqual([])
  })

  test('what JSON cannot say is refused, and what is too large', async () => {
    const a = enter(newRoom())
    expect(a.connection.broadcast('not connected')).toBe(false)
    await a.synced()
    const cycle: unknown[] = []
    cycle.push(cycle)
    for (const bad of [undefined, () => {}, 1n, cycle])
      expect(() => a.connection.broadcast(bad)).toThrow(
        expect.objectContaining({ code: 'unsupported-value' }),
      )
    expect(() => a.connection.broadcast('x'.repeat(1 << 20))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    )
    expect(a.connection.status).toBe('connected')
  })
})

test('a message over the limit is not sent: a final error, and the document stays usable', async () => {
  const small = await SymphonyServer.start('--limits-message', '20KiB')
  try {
    const a = enter(small.room('small'))
    const b = enter(small.room('small'))
    await Promise.all([a.synced(), b.synced()])
    expect(a.connection.maxMessage).toBe(20 << 10)
    // Together they are too long for one message, alone they are not.
    for (let i = 0; i < 10; i++) a.text.insert(0, 'x'.repeat(10_000))
    await until('arrival in parts', () => b.text.length === 100_000)
    await a.saved()
    a.text.insert(0, 'y'.repeat(30_000))
    await until('the error', () => a.errors.length > 0)
    expect(a.errors[0]?.code).toBe('too-large')
    expect(a.errors[0]?.message).toContain(String(20 << 10))
    expect(a.connection.status).toBe('closed')
    expect(a.connection.saveStatus).toBe('local')
    a.text.insert(0, 'z')
    expect(a.text.length).toBe(130_001)
  } finally {
    await small.dispose()
  }
})

test('a plain y-websocket client shares a room', async () => {
  const room = `shared-${++rooms}`
  const a = enter(server.room(room))
  const doc = new Y.Doc()
  const plain = new WebsocketProvider(`${server.url}/rooms`, room, doc, { WebSocketPolyfill: Recorder.plain })
  try {
    plain.awareness.setLocalState({ name: 'plain' })
    a.awareness.setLocalState({ name: 'symphony' })
    a.text.insert(0, 'from symphony ')
    doc.getText('t').insert(0, 'from plain ')
    await until('convergence', () => same(a.doc, doc) && doc.getText('t').length === 25)
    await until('presence', () => {
      const here = plain.awareness.getStates().get(a.awareness.clientID)
      const there = a.awareness.getStates().get(doc.clientID)
      return here?.name === 'symphony' && there?.name === 'plain'
    })
    expect(a.connection.broadcast('not for plain clients')).toBe(true)
    doc.getText('t').delete(0, 5)
    await until('the deletion', () => same(a.doc, doc))
    await a.saved()
  } finally {
    plain.destroy()
    doc.destroy()
  }
})
