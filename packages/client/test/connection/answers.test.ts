// What servers can say that the real one cannot be made to say at will.
import * as decoding from 'lib0/decoding'
import { afterEach, describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import * as Y from 'yjs'
import { Peer, pause, same, until } from '../support/peers.js'
import { bytes, durable, greet, hello, ScriptedServer, sync } from './scripted.js'

let server: ScriptedServer
let peers: Peer[] = []

afterEach(async () => {
  for (const peer of peers) peer.destroy()
  peers = []
  await server.dispose()
})

async function serve(connected: (socket: WebSocket, count: number) => void): Promise<void> {
  server = await ScriptedServer.start(connected)
}

function enter(options: ConstructorParameters<typeof Peer>[1] = {}): Peer {
  const peer = new Peer(server.url, options)
  peers.push(peer)
  return peer
}

const content = () => {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, 'of the server')
  return doc
}

describe('close codes', () => {
  test.each([
    [4400, 'protocol'],
    [4403, 'forbidden'],
    [4413, 'too-large'],
    [4444, 'protocol'],
  ])('%i is final: %s', async (code, error) => {
    await serve((socket) => {
      greet(socket, new Y.Doc())
      setTimeout(() => socket.close(code, 'because of this'), 20)
    })
    const a = enter()
    const order: string[] = []
    a.on('error', () => order.push(`error while ${a.connection.status}`))
    a.on('status', (status) => order.push(status))
    await until('closed', () => a.connection.status === 'closed')
    expect(order).toEqual(['connected', 'error while closed', 'closed'])
    expect(a.errors.map((e) => e.code)).toEqual([error])
    expect(a.errors[0]?.message).toContain('because of this')
    await pause(500)
    expect(server.requests.length).toBe(1)
    // The document stays usable, and nobody pretends that it is saved.
    a.text.insert(0, 'x')
    expect(a.connection.saveStatus).toBe('local')
  })

  test.each([1000, 1001, 4500, 4501, 4503, 4504, 4508, 4509, 4529, 4600])('%i is transient', async (code) => {
    const doc = content()
    await serve((socket, count) => {
      if (count === 0) socket.close(code, 'come again')
      else {
        greet(socket, doc)
        ScriptedServer.answer(socket, doc)
      }
    })
    const a = enter()
    await a.synced()
    expect(a.errors.map((e) => e.code)).toEqual([code === 4500 ? 'internal' : 'unreachable'])
    expect(a.statuses).toEqual(['reconnecting', 'connected'])
    // That it was refused does not make the client doubt the subprotocol.
    expect(server.requests.map((r) => r.headers['sec-websocket-protocol'])).toEqual([
      'symphony.v1',
      'symphony.v1',
    ])
  })
})

describe('what cannot be understood', () => {
  const malformed: [string, (socket: WebSocket) => void][] = [
    ['text', (s) => s.send('HTTP/1.1 200 OK')],
    ['nothing', (s) => s.send(new Uint8Array())],
    ['an unknown type', (s) => s.send(new Uint8Array([77, 1, 2, 3]))],
    ['an unknown step', (s) => s.send(new Uint8Array([0, 3, 0]))],
    ['a truncated body', (s) => s.send(new Uint8Array([0, 2, 100, 1]))],
    ['presence that is no JSON', (s) => s.send(new Uint8Array([1, 4, 1, 5, 1, 1, 123]))],
    [
      'an update cut short',
      (s) => {
        const update = Y.encodeStateAsUpdate(content())
        s.send(sync(2, update.slice(0, -1)))
      },
    ],
    ['an event that is no JSON', (s) => s.send(new Uint8Array([102, 1, 1, 123]))],
  ]
  test.each(malformed)(
    '%s: an error, the document is untouched, and the connection is made anew',
    async (_, send) => {
      const doc = content()
      await serve((socket, count) => {
        greet(socket, doc)
        if (count === 0) send(socket)
        else ScriptedServer.answer(socket, doc)
      })
      const a = enter()
      // At that moment: the next connection may be there before this test looks again.
      const then: unknown[] = []
      a.on('error', () => then.push(a.text.length, a.awareness.getStates().size))
      await until('the error', () => a.errors.length === 1)
      expect(a.errors[0]?.code).toBe('protocol')
      expect(then).toEqual([0, 1])
      await a.synced()
      expect(same(a.doc, doc)).toBe(true)
      expect(a.errors.length).toBe(1)
    },
  )

  test('a server that sends nothing else is given up after three times', async () => {
    await serve((socket) => socket.send('welcome to the chat'))
    const a = enter()
    await until('closed', () => a.connection.status === 'closed')
    expect(a.errors.map((e) => e.code)).toEqual(['protocol', 'protocol', 'protocol'])
    expect(a.errors[2]?.message).toContain('check the URL')
    await pause(500)
    expect(server.requests.length).toBe(3)
    expect(server.received).toEqual([])
  })

  test('messages of later versions are ignored', async () => {
    const doc = content()
    await serve((socket) => {
      greet(socket, doc)
      socket.send(new Uint8Array([120, 1, 2, 3]))
      ScriptedServer.answer(socket, doc)
    })
    const a = enter()
    await a.synced()
    expect(a.errors).toEqual([])
    expect(a.statuses).toEqual(['connected'])
  })
})

describe('generation', () => {
  test('one that is not accepted: nothing is sent, nothing applied, closed without an error', async () => {
    await serve((socket) => {
      greet(socket, content(), { generation: 7 })
      socket.send(sync(2, Y.encodeStateAsUpdate(content())))
    })
    const asked: number[] = []
    const a = enter({
      acceptGeneration: (generation) => {
        asked.push(generation)
        return false
      },
    })
    a.text.insert(0, 'old')
    await until('closed', () => a.connection.status === 'closed')
    await pause(300)
    expect(asked).toEqual([7])
    expect(server.received).toEqual([])
    expect(server.requests.length).toBe(1)
    expect(a.errors).toEqual([])
    expect(a.statuses).toEqual(['closed'])
    expect(a.text.toString()).toBe('old')
  })
})

describe('reading only', () => {
  const readOnly = async (doc: Y.Doc) => {
    await serve((socket) => {
      greet(socket, doc, { readOnly: true })
      ScriptedServer.answer(socket, doc)
    })
  }

  test('changes are not sent: one error, and the save status stays local', async () => {
    const doc = content()
    await readOnly(doc)
    const a = enter()
    await a.synced()
    expect(a.connection.readOnly).toBe(true)
    expect(a.connection.saveStatus).toBe('durable')
    a.text.insert(0, 'mine ')
    a.text.insert(0, 'mine ')
    await pause(400)
    expect(a.errors.map((e) => e.code)).toEqual(['forbidden'])
    expect(a.connection.saveStatus).toBe('local')
    expect(a.connection.status).toBe('connected')
    expect(server.count(0, 1) + server.count(0, 2)).toBe(0)
  })

  test('content of before that the server has is durable', async () => {
    const doc = content()
    doc.getText('t').delete(0, 3)
    await readOnly(doc)
    const known = new Y.Doc()
    Y.applyUpdate(known, Y.encodeStateAsUpdate(doc))
    const a = enter({ doc: known })
    expect(a.connection.saveStatus).toBe('local')
    await a.synced()
    expect(a.connection.saveStatus).toBe('durable')
    expect(a.errors).toEqual([])
  })

  test.each(['insert', 'delete'])('an %s of before that the server lacks stays local', async (what) => {
    const doc = content()
    await readOnly(doc)
    const known = new Y.Doc()
    Y.applyUpdate(known, Y.encodeStateAsUpdate(doc))
    if (what === 'insert') known.getText('t').insert(2, 'x')
    else known.getText('t').delete(2, 1)
    const a = enter({ doc: known })
    await a.synced()
    expect(a.connection.saveStatus).toBe('local')
    expect(a.errors.map((e) => e.code)).toEqual(['forbidden'])
  })
})

describe('the save status', () => {
  test('goes from local over received to durable, and counts step 2 and updates', async () => {
    const doc = content()
    let socket: WebSocket | undefined
    await serve((s) => {
      socket = s
      greet(s, doc)
      ScriptedServer.answer(s, doc)
    })
    const a = enter()
    await a.synced()
    a.text.insert(0, 'x')
    expect(a.connection.saveStatus).toBe('local')
    await until('received', () => a.connection.saveStatus === 'received')
    await until('the update', () => server.count(0, 2) === 1)
    // One for sync, one to ask.
    expect(server.count(0, 0)).toBe(2)
    socket?.send(durable(1))
    await pause(100)
    expect(a.connection.saveStatus).toBe('received')
    a.text.delete(0, 1)
    expect(a.connection.saveStatus).toBe('local')
    await until('the second update', () => server.count(0, 2) === 2)
    socket?.send(durable(2))
    await pause(50)
    expect(a.connection.saveStatus).not.toBe('durable')
    socket?.send(durable(3))
    await until('durable', () => a.connection.saveStatus === 'durable')
    a.text.insert(0, 'y')
    await until('received again', () => a.connection.saveStatus === 'received')
    socket?.terminate()
    await until('local again', () => a.connection.saveStatus === 'local')
  })
})

describe('tokens', () => {
  const tokens = () =>
    server.received
      .filter((m) => m[0] === 103)
      .map((m) => decoding.readVarString(decoding.createDecoder(m.subarray(1))))
  const inUrl = () => server.requests.map((r) => new URL(r.url ?? '', 'ws://x').searchParams.get('token'))
  const ask = bytes((e) => {
    e.cbuf[e.cpos++] = 103
    e.cbuf[e.cpos++] = 0
  })

  test('travel in the URL, escaped; without one there is no parameter', async () => {
    await serve((socket) => greet(socket, new Y.Doc()))
    enter({ token: 'a b&c=ä/?#' })
    await until('connected', () => server.requests.length === 1)
    enter()
    await until('connected', () => server.requests.length === 2)
    expect(inUrl()).toEqual(['a b&c=ä/?#', null])
    expect(server.requests[1]?.url).toBe('/rooms/r')
  })

  test('are asked for on each connect, on refreshToken, and when the server wants one', async () => {
    let socket: WebSocket | undefined
    await serve((s) => {
      socket = s
      greet(s, new Y.Doc())
    })
    let calls = 0
    const a = enter({ token: async () => `t${++calls}` })
    a.connection.refreshToken()
    await until('connected', () => a.connection.status === 'connected')
    a.connection.refreshToken()
    await until('t2', () => tokens().length === 1)
    socket?.send(ask)
    await until('t3', () => tokens().length === 2)
    socket?.terminate()
    await until('again', () => server.requests.length === 2)
    expect(tokens()).toEqual(['t2', 't3'])
    expect(inUrl()).toEqual(['t1', 't4'])
  })

  test('a function that fails is called again; one error says why', async () => {
    await serve((socket) => greet(socket, new Y.Doc()))
    let calls = 0
    const cause = new Error('the login server is down')
    const a = enter({
      token: () => {
        if (++calls < 4) throw cause
        return 'at last'
      },
    })
    await until('connected', () => a.connection.status === 'connected')
    expect(a.errors.map((e) => e.code)).toEqual(['unreachable'])
    expect(a.errors[0]?.message).toContain('the login server is down')
    expect(a.errors[0]?.cause).toBe(cause)
    expect(inUrl()).toEqual(['at last'])
  })

  test('one that comes after destroy is not used', async () => {
    await serve((socket) => socket.send(hello()))
    let give: (token: string) => void = () => {}
    const a = enter({ token: () => new Promise((resolve) => (give = resolve)) })
    await pause(20)
    a.destroy()
    give('late')
    await pause(100)
    expect(server.requests.length).toBe(0)
  })
})
