// Rooms against the real server: what applications see of them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import {
  type ClientOptions,
  Room,
  SymphonyClient,
  SymphonyError,
  SyncedList,
  SyncedMap,
} from '../src/index.js'
import { SymphonyServer } from './support/server.js'
import { TinyServer } from './support/tiny-server.js'
import { until } from './support/until.js'

let server: SymphonyServer
const clients: SymphonyClient[] = []
let rooms = 0

beforeAll(async () => {
  server = await SymphonyServer.start()
})
afterAll(() => server.dispose())
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.leave()))
})

const freshId = () => `room ${++rooms}/ä`

function newClient(options: ClientOptions = {}, url = server.url): SymphonyClient {
  const client = new SymphonyClient(url, { WebSocket: WebSocket as never, offline: false, ...options })
  clients.push(client)
  return client
}

async function enter(id: string, options?: ClientOptions): Promise<Room> {
  const room = newClient(options).enter(id)
  await room.synced()
  return room
}

// Each method the way code written against the first client calls it.
describe('code for the first client', () => {
  test('new SymphonyClient, enter, leave', () => {
    const client = newClient()
    const room = client.enter('old')
    expect(room).toBeInstanceOf(Room)
    expect(client.enter('old')).toBe(room)
    client.leave('old')
    expect(room.status).toBe('closed')
    expect(client.enter('old')).not.toBe(room)
    client.leave() // the whiteboard of that time gave no id
  })

  test('newMap and newList without a name, newNestedMap, newNestedList, bundle', async () => {
    const id = freshId()
    const room = await enter(id)
    const other = await enter(id)
    const shapes = room.newMap()
    room.bundle(() => {
      const group = room.newNestedMap()
      const points = room.newNestedList()
      points.push([1, 2], [3, 4])
      group.set('points', points)
      shapes.set('line', group)
      shapes.set('plain', { x: 1 })
    })
    await until(() => other.newMap().has('line'))
    const line = other.newMap().get('line')
    expect(line).toBeInstanceOf(SyncedMap)
    expect(line.get('points')).toBeInstanceOf(SyncedList)
    expect(line.get('points').toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(other.newMap().get('plain')).toEqual({ x: 1 })
    expect(other.newMap()).toBe(other.newMap(''))
  })

  test('subscribe and unsubscribe to a map, a list and others', async () => {
    const id = freshId()
    const room = await enter(id)
    const other = await enter(id)
    const list = room.newList('list')
    const heard: string[] = []
    const onList = () => heard.push('list')
    room.subscribe(list, onList)
    const onOthers = () => heard.push('others')
    room.subscribe('others', onOthers)
    room.updatePresence({ me: 1 }) // own presence is not another's
    list.push(1)
    expect(heard).toEqual(['list'])
    other.updatePresence({ user: { name: 'Ben' } })
    await until(() => heard.includes('others'))
    room.unsubscribe(list)
    room.unsubscribe('others')
    heard.length = 0
    list.push(2)
    other.updatePresence({ user: { name: 'Eve' } })
    await until(() => [...room.getOthers()].some((item) => (item[1] as any).user?.name === 'Eve'))
    expect(heard).toEqual([])
  })

  test('updatePresence, getOthers, getClientId, getRoomId', async () => {
    const id = freshId()
    const room = await enter(id)
    const other = await enter(id)
    room.updatePresence({ user: { name: 'Ada' }, color: 'red' })
    room.updatePresence({ color: 'blue' })
    await until(() => [...other.getOthers()].some(([, p]) => p.color === 'blue'))
    const others = [...other.getOthers()]
    expect(others).toEqual([[room.getClientId(), { user: { name: 'Ada' }, color: 'blue' }]])
    expect(other.getOthers().has(other.getClientId())).toBe(false)
    expect(room.getRoomId()).toBe(id)
    expect(typeof room.getClientId()).toBe('number')
  })
})

describe('room', () => {
  test('unsubscribe functions, deep subscriptions, one listener of two', () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    const map = room.newMap('m')
    const inner = room.newNestedMap()
    map.set('inner', inner)
    let deep = 0
    let shallow = 0
    const stop = room.subscribe(map, () => deep++, { deep: true })
    const listener = () => shallow++
    room.subscribe(map, listener)
    room.subscribe(map, listener)
    inner.set('x', 1)
    expect([deep, shallow]).toEqual([1, 0])
    stop()
    map.set('y', 1)
    expect([deep, shallow]).toEqual([1, 2])
    room.unsubscribe(map, listener)
    map.set('y', 2)
    expect([deep, shallow]).toEqual([1, 2])
    expect(() => room.subscribe({} as never, () => {})).toThrow(/room.subscribe takes/)
  })

  test('bundle is one event and one step of undo', () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    const list = room.newList<number>('l')
    let events = 0
    room.subscribe(list, () => events++)
    const history = room.newHistory()
    expect(room.bundle(() => list.push(1) + list.push(2))).toBe(3)
    expect(events).toBe(1)
    history.undo()
    expect(list.toArray()).toEqual([])
    history.redo()
    expect(list.toArray()).toEqual([1, 2])
    history.destroy()
  })

  test("a history of the room undoes own changes of all its types and nobody else's", async () => {
    const id = freshId()
    const room = await enter(id)
    const other = await enter(id)
    const history = room.newHistory()
    room.newMap('m').set('mine', 1)
    room.newText('t').insert(0, 'mine')
    other.newMap('m').set('theirs', 1)
    await until(() => room.newMap('m').has('theirs'))
    history.undo()
    history.undo()
    expect(history.canUndo()).toBe(false)
    expect(room.newMap('m').toJSON()).toEqual({ theirs: 1 })
    expect(room.newText('t').toString()).toBe('')
    history.destroy()
  })

  test('what changes nothing is no step of a history', () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    const history = room.newHistory()
    room.bundle(() => {})
    const other = room.newHistory()
    expect(history.canUndo()).toBe(false)
    const list = room.newList('l')
    list.push(1)
    list.clear()
    room.bundle(() => {})
    history.undo()
    expect(list.toArray()).toEqual([1])
    history.undo()
    expect([list.length, history.canUndo(), other.canUndo()]).toEqual([0, false, true])
    history.destroy()
    other.destroy()
  })

  test('one name for two types is an error that names both', () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    room.newList('x')
    expect(() => room.newMap('x')).toThrow(/room\.newMap\("x"\)/)
    expect(() => room.newMap(7 as never)).toThrow(SymphonyError)
    room.newList('x').push(1)
  })

  test('events reach everybody else', async () => {
    const id = freshId()
    const room = await enter(id)
    const other = await enter(id)
    const heard: unknown[] = []
    other.on('event', (event, clientId) => heard.push([event, clientId]))
    room.on('event', () => heard.push('echo'))
    expect(room.broadcast({ type: 'confetti', n: 1 })).toBe(true)
    await until(() => heard.length > 0)
    expect(heard).toEqual([[{ type: 'confetti', n: 1 }, room.getClientId()]])
    expect(newClient({}, 'ws://127.0.0.1:1').enter('here').broadcast(1)).toBe(false)
  })

  test('saved() waits for the disk, deletions included', async () => {
    const id = freshId()
    const room = await enter(id)
    const seen: string[] = []
    room.on('saveStatus', (status) => seen.push(status))
    const list = room.newList('l')
    list.push(1, 2, 3)
    await until(() => room.saveStatus !== 'durable')
    await room.saved()
    expect(room.saveStatus).toBe('durable')
    list.delete(0, 3)
    await until(() => seen.filter((s) => s === 'local').length === 2)
    await room.saved()
    await server.kill()
    await server.run()
    const later = await enter(id)
    expect(later.newList('l').toArray()).toEqual([])
    expect(seen.at(-1)).toBe('durable')
  })

  test('saveStatus never says more than is known', async () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    expect(room.saveStatus).toBe('local')
    room.newList('l').push(1)
    const unused = newClient({}, 'ws://127.0.0.1:1').enter('there')
    for (const other of [room, unused]) other.on('error', () => {})
    await until(() => unused.saveStatus === 'durable') // nothing was changed, so nothing is unsaved
    expect(room.saveStatus).toBe('local')
  })

  test('a server that comes later: edits made before arrive', async () => {
    const away = await SymphonyServer.start()
    await away.stop()
    const id = freshId()
    const room = newClient({}, away.url).enter(id)
    const errors: SymphonyError[] = []
    room.on('error', (error) => errors.push(error))
    room.newMap('m').set('early', true)
    await until(() => errors.length > 0)
    expect(errors[0]).toMatchObject({ code: 'unreachable' })
    expect(room.saveStatus).toBe('local')
    await away.run()
    await room.saved()
    const other = newClient({}, away.url).enter(id)
    await other.synced()
    expect(other.newMap('m').toJSON()).toEqual({ early: true })
    await away.stop()
  })

  test('leave frees: calls fail with what to do, waiting promises reject', async () => {
    const client = newClient({}, 'ws://127.0.0.1:1')
    const room = client.enter('here')
    room.on('error', () => {})
    const waiting = expect(room.synced()).rejects.toMatchObject({ code: 'closed' })
    await client.leave('here')
    await waiting
    await expect(room.saved()).rejects.toMatchObject({ code: 'closed' })
    expect(() => room.updatePresence({})).toThrow(/enter it again/)
    expect(() => room.broadcast(1)).toThrow(/enter it again/)
    expect(() => room.newMap('m')).toThrow(/enter it again/)
    await client.leave('never entered')
  })

  test('presence is what JSON can say', () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(() => room.updatePresence(cycle)).toThrow(/room\.updatePresence/)
    expect(() => room.updatePresence({ n: 1n } as never)).toThrow(/room\.updatePresence/)
    expect(() => room.updatePresence([] as never)).toThrow(SymphonyError)
    room.updatePresence({ a: 1 })
    expect(room.getSelf()).toEqual({ clientId: room.getClientId(), presence: { a: 1 } })
    room.updatePresence({ a: undefined, b: 2 })
    expect(room.getPresence()).toEqual({ b: 2 })
  })

  test('getOthers is the same Map until something changes', async () => {
    const room = newClient({}, 'ws://127.0.0.1:1').enter('here')
    expect(room.getOthers()).toBe(room.getOthers())
  })
})

describe('a document that was replaced', () => {
  test('is started over with, never merged; top-level types go on', async () => {
    const tiny = await TinyServer.start()
    try {
      new Y.Doc()
      tiny.doc.getArray('l').push(['old'])
      const room = newClient({}, tiny.url).enter('r')
      room.updatePresence({ name: 'Ada' })
      await room.synced()
      const list = room.newList('l')
      expect(list.toArray()).toEqual(['old'])
      let changes = 0
      room.subscribe(list, () => changes++)
      const resets: Y.Doc[] = []
      room.on('reset', ({ previous }) => resets.push(previous))

      const replacement = new Y.Doc()
      replacement.getArray('l').push(['old', 'restored'])
      tiny.replace(replacement)
      list.push('too late')
      await until(() => list.length === 2 && list.get(1) === 'restored')
      expect(list.toArray()).toEqual(['old', 'restored'])
      expect(resets).toHaveLength(1)
      expect(resets[0]?.getArray('l').toArray()).toEqual(['old', 'too late'])
      expect(changes).toBeGreaterThan(1)
      expect(room.getPresence()).toEqual({ name: 'Ada' })
      expect(tiny.doc.getArray('l').toArray()).toEqual(['old', 'restored'])
      list.push('and on')
      await until(() => tiny.doc.getArray('l').length === 3)
    } finally {
      await Promise.all(clients.splice(0).map((client) => client.leave()))
      await tiny.stop()
    }
  })
})

describe('client', () => {
  test.each([
    ['wss://rooms.example.com', 'wss://rooms.example.com'],
    ['https://example.com/base/', 'wss://example.com/base'],
    ['http://localhost:8080', 'ws://localhost:8080'],
    ['ws://127.0.0.1:8080/rooms', 'ws://127.0.0.1:8080'],
    ['localhost:8080', 'ws://localhost:8080'],
    ['[::1]:8080', 'ws://[::1]:8080'],
    ['starter.example.com', 'wss://starter.example.com'],
  ])('%s is %s', (given, url) => {
    expect(newClient({}, given).url).toBe(url)
  })

  test.each(['', 'ftp://x', 'http://', 'https://a b', 'https://x?y', 'https://u:p@x', 7 as never])(
    '%j is an error that says what to do',
    (given) => {
      expect(() => new SymphonyClient(given)).toThrow(/give the server's address/)
    },
  )

  test('room ids', () => {
    const client = newClient({}, 'ws://127.0.0.1:1')
    for (const bad of ['', '.', '..', 'ä'.repeat(128), 7 as never])
      expect(() => client.enter(bad), String(bad)).toThrow(/client\.enter/)
    expect(client.enter('ä'.repeat(127)).id).toHaveLength(127)
  })

  test('an options object', () => {
    const client = new SymphonyClient({ url: 'localhost:1', WebSocket: WebSocket as never, offline: false })
    clients.push(client)
    expect(client.url).toBe('ws://localhost:1')
    expect(() => new SymphonyClient('x', { presenceInterval: -1 })).toThrow(/presenceInterval/)
  })
})
