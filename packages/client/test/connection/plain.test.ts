// A plain y-websocket server: the one of @y/websocket-server, in a process of its own.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import WS, { WebSocketServer } from 'ws'
import * as Y from 'yjs'
import { Peer, Recorder, same, until } from '../support/peers.js'
import { PlainServer } from '../support/plain-server.js'
import { SymphonyServer } from '../support/server.js'

let plain: PlainServer
let url: string
let peers: Peer[] = []

beforeAll(async () => {
  plain = await PlainServer.start()
  url = plain.url
})
afterEach(() => {
  for (const peer of peers) peer.destroy()
  peers = []
})
afterAll(() => plain.dispose())

function enter(address: string, options: ConstructorParameters<typeof Peer>[1] = {}): Peer {
  const peer = new Peer(address, options)
  peers.push(peer)
  return peer
}

test('content and presence travel, and the best save status is received', async () => {
  const a = enter(`${url}/plain`)
  const b = enter(`${url}/plain`)
  a.text.insert(0, 'early ')
  a.awareness.setLocalState({ name: 'A' })
  await Promise.all([a.synced(), b.synced()])
  expect(a.connection.plain).toBe(true)
  expect(a.connection.status).toBe('connected')
  b.text.insert(0, 'late ')
  await until('convergence', () => same(a.doc, b.doc) && a.text.length === 11)
  await until('presence', () => b.awareness.getStates().get(a.awareness.clientID)?.name === 'A')
  await until(
    'received',
    () => a.connection.saveStatus === 'received' && b.connection.saveStatus === 'received',
  )
  a.text.delete(0, 5)
  expect(a.connection.saveStatus).toBe('local')
  await until('received again', () => a.connection.saveStatus === 'received')
  expect(b.text.toString()).toBe('early ')
  expect(a.saves).not.toContain('durable')
  expect(a.connection.broadcast({})).toBe(false)
  a.connection.refreshToken()
  expect(a.errors).toEqual([])
  b.destroy()
  await until('b is gone', () => a.awareness.getStates().size === 1)
})

/** A plain server of our own, that treats the subprotocol as it is told. */
async function serve(handleProtocols: () => string | false, refuse = false) {
  const docs = new Y.Doc()
  const http = createServer()
  const wss = new WebSocketServer({ noServer: true, handleProtocols })
  const offers: (string | undefined)[] = []
  http.on('upgrade', (request, socket, head) => {
    const offer = request.headers['sec-websocket-protocol']
    offers.push(offer)
    if (refuse && offer) {
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      return
    }
    wss.handleUpgrade(request, socket, head, (ws) => {
      // It waits for the client to speak first.
      ws.on('message', (data: Buffer) => {
        const m = new Uint8Array(data)
        if (m[0] === 0 && m[1] === 0) {
          const update = Y.encodeStateAsUpdate(docs)
          ws.send(new Uint8Array([0, 1, update.length, ...update]))
        }
      })
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  docs.getText('t').insert(0, 'of the server')
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/room`,
    offers,
    async close() {
      for (const ws of wss.clients) ws.terminate()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

test.each([
  ['ignores the subprotocol', false],
  ['refuses the subprotocol', true],
])('a plain server that %s is joined without it', async (_, refuse) => {
  const server = await serve(() => false, refuse)
  try {
    const a = enter(server.url)
    await a.synced()
    expect(a.text.toString()).toBe('of the server')
    expect(a.connection.plain).toBe(true)
    expect(a.errors).toEqual([])
    expect(server.offers).toEqual(['symphony.v1', undefined])
  } finally {
    for (const peer of peers) peer.destroy()
    await server.close()
  }
})

test('a Symphony server whose first answer was lost is not taken for a plain one', async () => {
  const symphony = await SymphonyServer.start()
  const offers: unknown[] = []
  const FirstLost = class extends WS {
    constructor(address: string, protocols: string[]) {
      offers.push(protocols.length)
      super(offers.length === 1 ? 'ws://127.0.0.1:1' : address, protocols)
    }
  } as any
  const a = enter(symphony.room('first lost'), { WebSocket: FirstLost })
  a.text.insert(0, 'kept')
  await a.synced()
  await until('durable', () => a.connection.saveStatus === 'durable')
  expect(a.connection.plain).toBe(false)
  expect(offers).toEqual([1, 0])
  a.destroy()
  await symphony.dispose()
})

test('where the generation is known, a server is never taken for a plain one', async () => {
  const server = await serve(() => false, true)
  try {
    const a = enter(server.url, { symphony: true })
    await until('some attempts', () => server.offers.length >= 4)
    expect(server.offers.every((offer) => offer === 'symphony.v1')).toBe(true)
    expect(a.errors.map((e) => e.code)).toEqual(['unreachable'])
  } finally {
    for (const peer of peers) peer.destroy()
    await server.close()
  }
})

test('where the generation is known, a plain server that chooses the subprotocol is told nothing', async () => {
  const recorder = new Recorder()
  const a = enter(`${url}/known`, { symphony: true, WebSocket: recorder.WebSocket })
  await until('closed', () => a.connection.status === 'closed')
  expect(a.errors.map((e) => e.code)).toEqual(['protocol', 'protocol', 'protocol'])
  expect(recorder.sent).toEqual([])
})

test('a browser that accepts that no subprotocol was chosen joins at once', async () => {
  const server = await serve(() => false)
  try {
    // Firefox and Safari do; ws and Chromium do not.
    const Lenient = class extends WS {
      constructor(address: string) {
        super(address)
      }
    } as any
    const a = enter(server.url, { WebSocket: Lenient })
    await a.synced()
    expect(a.connection.plain).toBe(true)
    expect(server.offers).toEqual([undefined])
  } finally {
    for (const peer of peers) peer.destroy()
    await server.close()
  }
})
