// Servers that die and connections that break, with the real server.
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { NodeWebSocket, Peer, pause, Recorder, same, until } from '../support/peers.js'
import { FaultProxy, SymphonyServer } from '../support/server.js'

const disposables: { dispose(): Promise<void> }[] = []
let peers: Peer[] = []

afterEach(async () => {
  for (const peer of peers) peer.destroy()
  peers = []
  for (const d of disposables.splice(0).reverse()) await d.dispose()
})

function enter(url: string, options: ConstructorParameters<typeof Peer>[1] = {}): Peer {
  const peer = new Peer(url, options)
  peers.push(peer)
  return peer
}

async function serve(): Promise<[SymphonyServer, FaultProxy]> {
  const server = await SymphonyServer.start()
  disposables.push(server)
  const proxy = await FaultProxy.start(server.port)
  disposables.push(proxy)
  return [server, proxy]
}

test('the server is killed while two type: nothing is lost, everything converges', async () => {
  const [server] = await serve()
  const a = enter(server.room('r'))
  const b = enter(server.room('r'))
  await Promise.all([a.saved(), b.synced()])
  let typing = true
  let typed = 0
  /** How much of what a typed was durable when the server died. */
  let durable = 0
  a.on('saveStatus', (status) => {
    if (status === 'durable') durable = typed
  })
  const writer = (async () => {
    for (let i = 0; typing && i < 100_000; i++) {
      a.list.push([`a${typed++}`])
      if (i % 3 === 0) b.list.insert(0, [`b${i}`])
      if (i % 7 === 0) b.list.delete(0, 1)
      await pause(2)
    }
  })()
  await until('some of it is durable', () => durable > 20)
  for (let round = 0; round < 3; round++) {
    await pause(50)
    const before = durable
    await server.kill()
    // What is durable is in the document that the room is next opened with, also for somebody who comes first.
    await server.run()
    const late = enter(server.room('r'))
    await late.synced()
    const there = new Set(late.list.toArray())
    for (let i = 0; i < before; i++) expect(there.has(`a${i}`)).toBe(true)
    await until('more is durable', () => durable > before + 10)
  }
  typing = false
  await writer
  const late = enter(server.room('r'))
  await Promise.all([a.saved(), b.saved(), late.synced()])
  await until('convergence', () => same(a.doc, b.doc, late.doc))
  expect(late.list.toArray().filter((x) => String(x).startsWith('a'))).toEqual(
    Array.from({ length: typed }, (_, i) => `a${i}`),
  )
  expect(a.errors).toEqual([])
}, 90_000)

test('random edits with drops at random moments converge, and all becomes durable', async () => {
  const [server, proxy] = await serve()
  let run = 0
  const edit = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('insert', 'delete', 'cut', 'refuse', 'delay', 'pause', 'restart', 'turn'),
    at: fc.nat(1000),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 10, maxLength: 60 }), async (edits) => {
      const room = `random-${++run}`
      const all = [0, 1, 2].map(() => enter(proxy.room(room)))
      let inserted = 0
      let restarts = 0
      for (const { who, what, at } of edits) {
        const { text } = all[who] as Peer
        if (what === 'insert') {
          text.insert(at % (text.length + 1), `${who}:${inserted++};`)
        } else if (what === 'delete' && text.length > 0) {
          text.delete(at % text.length, 1)
        } else if (what === 'cut') {
          proxy.cut()
        } else if (what === 'refuse') {
          proxy.refuse = !proxy.refuse
        } else if (what === 'delay') {
          proxy.delay = at % 20
        } else if (what === 'pause') {
          await pause(at % 60)
        } else if (what === 'restart' && restarts++ === 0) {
          await server.kill()
          await server.run()
        } else {
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      proxy.refuse = false
      proxy.delay = 0
      await Promise.all(all.map((peer) => peer.saved()))
      const fresh = enter(server.room(room))
      await fresh.synced()
      await until('convergence', () => same(fresh.doc, ...all.map((peer) => peer.doc)))
      for (const peer of peers) {
        expect(peer.errors.filter((e) => e.code !== 'unreachable')).toEqual([])
        peer.destroy()
      }
      peers = []
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 120_000)

test('the save status is honest through loss, deletion and death of the server', async () => {
  const [server, proxy] = await serve()
  const a = enter(proxy.room('s'))
  expect(a.connection.saveStatus).toBe('durable')
  await a.synced()
  a.text.insert(0, 'hello')
  expect(a.connection.saveStatus).toBe('local')
  await a.saved()

  // Deletions are changes like any others.
  proxy.blackhole = true
  a.text.delete(0, 2)
  expect(a.connection.saveStatus).toBe('local')
  await pause(600)
  expect(a.connection.saveStatus).toBe('local')
  proxy.cut()
  proxy.blackhole = false
  await until('reconnected', () => a.syncs === 2)
  await a.saved()
  const fresh = enter(server.room('s'))
  await fresh.synced()
  expect(fresh.text.toString()).toBe('llo')

  await server.kill()
  await until('lost', () => a.connection.status === 'reconnecting')
  expect(a.connection.saveStatus).toBe('durable')
  a.text.delete(0, 1)
  expect(a.connection.saveStatus).toBe('local')
  await pause(100)
  expect(a.connection.saveStatus).toBe('local')
  await server.run()
  await a.saved()
  const again = enter(server.room('s'))
  await again.synced()
  expect(again.text.toString()).toBe('lo')
})

test('content from before the connection is local until the server has it', async () => {
  const [server] = await serve()
  const doc = new Y.Doc()
  doc.getText('t').insert(0, 'kept on this device')
  const a = enter(server.room('kept'), { doc })
  expect(a.connection.saveStatus).toBe('local')
  await a.saved()
  expect(a.saves).toEqual(['durable'])
})

test('a server that is down: one error, and it works when the server comes up', async () => {
  const server = await SymphonyServer.prepare()
  disposables.push(server)
  const a = enter(server.room('down'))
  a.text.insert(0, 'written before')
  await until('the error', () => a.errors.length > 0)
  await pause(1500)
  expect(a.errors.map((e) => e.code)).toEqual(['unreachable'])
  expect(a.errors[0]?.message).toContain(server.room('down'))
  expect(a.connection.status).toBe('reconnecting')
  await server.run()
  await a.saved()
  // As a client of symphony.v1, although attempts without the subprotocol were made too.
  expect(a.connection.plain).toBe(false)
  expect(a.errors.length).toBe(1)
})

test('a server that comes up after the first attempt is not taken for a plain one', async () => {
  const [, proxy] = await serve()
  proxy.refuse = true
  const a = enter(proxy.room('up'))
  // The next attempt asks in the URL.
  a.on('status', () => {
    proxy.refuse = false
  })
  await a.saved()
  expect(a.connection.plain).toBe(false)
  expect(proxy.connections).toBe(2)
  expect(a.errors).toEqual([])
})

test('a server that stops and comes back is joined again without an error', async () => {
  const [server] = await serve()
  const a = enter(server.room('again'))
  await a.saved()
  a.text.insert(0, 'x')
  await server.restart()
  await until('again', () => a.syncs === 2)
  await a.saved()
  expect(a.errors).toEqual([])
  expect(a.statuses).toEqual(['connected', 'reconnecting', 'connected'])
})

test('who stayed is seen at once by who was away', async () => {
  const [server, proxy] = await serve()
  const a = enter(proxy.room('stay'))
  const b = enter(server.room('stay'))
  b.awareness.setLocalState({ name: 'B' })
  const seesB = () => a.awareness.getStates().get(b.awareness.clientID)?.name === 'B'
  await until('a sees b', seesB)
  // The server asks who is new to say so again, which is throttled.
  await pause(400)
  const renewals = b.awareness.meta.get(b.awareness.clientID)?.clock
  proxy.cut()
  await until('a is alone', () => a.awareness.getStates().size === 1)
  await until('a sees b again', seesB)
  await until('b sees a again', () => b.awareness.getStates().size === 2)
  // Without b saying so again, which it does only every 15 s.
  expect(b.awareness.meta.get(b.awareness.clientID)?.clock).toBe(renewals)
})

test('destroy sends what is pending and leaves nothing behind', async () => {
  const [server] = await serve()
  const a = enter(server.room('d'))
  const b = enter(server.room('d'))
  await Promise.all([a.saved(), b.synced()])
  await until('presence', () => b.awareness.getStates().size === 2)
  a.text.insert(0, 'last words')
  a.connection.destroy()
  expect(a.connection.status).toBe('closed')
  await until('arrival', () => b.text.toString() === 'last words' && b.awareness.getStates().size === 1)
  // It hears nothing any more.
  b.text.insert(0, 'unheard')
  a.text.insert(0, 'x')
  a.awareness.setLocalState({ x: 1 })
  await b.saved()
  expect(a.text.toString()).toBe('xlast words')
  expect(a.connection.broadcast(1)).toBe(false)
  a.connection.destroy()
})

test('destroyed at any moment, no timer and no socket is left', async () => {
  const [server] = await serve()
  const timers = () => process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length
  const sockets: WebSocket[] = []
  const Counted = class extends (NodeWebSocket as any) {
    constructor(...args: any[]) {
      super(...args)
      sockets.push(this as unknown as WebSocket)
    }
  } as unknown as typeof NodeWebSocket
  const moments: ((peer: Peer) => Promise<unknown>)[] = [
    async () => {},
    () => pause(0),
    (peer) => peer.synced(),
    (peer) => {
      peer.text.insert(0, 'x')
      return pause(0)
    },
    async (peer) => {
      await peer.synced()
      peer.text.insert(0, 'x')
      peer.awareness.setLocalState({ a: 1 })
      await pause(0)
      peer.awareness.setLocalState({ a: 2 })
      await pause(0)
    },
    async (peer) => {
      await peer.synced()
      for (const s of sockets) s.close()
      await until('lost', () => peer.connection.status === 'reconnecting')
    },
  ]
  for (const moment of moments) {
    // The awareness of y-protocols has a timer of its own, until it is destroyed.
    const before = timers()
    const peer = new Peer(server.room('h'), { WebSocket: Counted })
    await moment(peer)
    peer.destroy()
    await until('all sockets closed', () => sockets.every((s) => s.readyState === 3))
    await until('all timers gone', () => timers() <= before)
  }
})

test('a connection that is not referred to any more is collected after destroy', async () => {
  const [server] = await serve()
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const refs = await (async () => {
    const peer = new Peer(server.room('gc'))
    await peer.synced()
    peer.text.insert(0, 'x')
    await peer.saved()
    peer.destroy()
    return [new WeakRef(peer.connection), new WeakRef(peer.doc)]
  })()
  await until('collected', () => {
    gc()
    return refs.every((ref) => ref.deref() === undefined)
  })
})

test('a refused upgrade of the real server is an unreachable room', async () => {
  const [server] = await serve()
  const recorder = new Recorder()
  const a = enter(`${server.url}/elsewhere`, { WebSocket: recorder.WebSocket })
  await until('the error', () => a.errors.length > 0)
  expect(a.errors[0]?.code).toBe('unreachable')
  expect(a.connection.status).toBe('reconnecting')
})
