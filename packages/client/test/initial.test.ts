// Initial content against the real server: there exactly once, whoever races and whatever breaks.
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import type { Content, Room, SymphonyError } from '../src/index.js'
import { greet, ScriptedServer } from './connection/scripted.js'
import { PlainServer } from './support/plain-server.js'
import { SymphonyServer } from './support/server.js'
import { until } from './support/until.js'
import { withServer } from './support/with-server.js'

const { server, newClient, freshId, leave } = withServer('initial')

/** What a new client finds in a room. */
async function look(id: string, url = server().url): Promise<unknown> {
  const room = newClient({}, url).enter(id)
  await room.synced()
  return {
    list: room.newList('list').toJSON(),
    map: room.newMap('map').toJSON(),
    text: room.newText('text').toJSON(),
  }
}

/** Content of all kinds, nested and moved, that is the same whoever builds it. */
function template(room: Content): void {
  const list = room.newList('list')
  list.push('first', { plain: true })
  const card = room.newNestedMap()
  card.set('title', room.newNestedText())
  card.get('title').insert(0, 'Title', { bold: true })
  list.push(card)
  list.move(2, 0)
  room.newMap('map').set('size', 3)
  room.bundle(() => room.newText('text').insert(0, 'Hello'))
}

const filled = { list: [{ title: 'Title' }, 'first', { plain: true }], map: { size: 3 }, text: 'Hello' }

/** A WebSocket that is cut when it is to send a proposal: `before` it travels, or `after`, before the answer. */
function cutting(times: number, when: 'before' | 'after') {
  const proposals: string[] = []
  class Cutting extends WebSocket {
    override send(data: any): void {
      const bytes = new Uint8Array(data)
      if (bytes[0] !== 105) super.send(data)
      else if (proposals.push(String(bytes)) > times) super.send(data)
      else if (when === 'before') this.terminate()
      else super.send(data, () => this.terminate())
    }
  }
  return { proposals, WebSocket: Cutting as never }
}

describe('initial content', () => {
  test('is there when the room is synced, is built once, and is durable when the room says so', async () => {
    const id = freshId()
    let calls = 0
    const room = newClient().enter(id, {
      initial: (content) => {
        calls++
        template(content)
      },
    })
    const history = room.newHistory()
    await room.synced()
    expect(room.newList('list').toJSON()).toEqual(filled.list)
    expect(room.newText('text').toDelta()).toEqual([{ insert: 'Hello' }])
    expect(room.newList('list').get(0).get('title').toDelta()).toEqual([
      { insert: 'Title', attributes: { bold: true } },
    ])
    expect(history.canUndo()).toBe(false)
    await room.saved()
    await server().kill()
    await server().run()
    expect(await look(id)).toEqual(filled)
    await room.synced()
    expect(calls).toBe(1)
  })

  test('of fifty clients that come at once, each with its own, is that of one', async () => {
    const id = freshId()
    const entered = Array.from({ length: 50 }, (_, i) =>
      newClient().enter(id, { initial: (room) => room.newList('list').push(`from ${i}`) }),
    )
    await Promise.all(entered.map((room) => room.synced()))
    const [{ list }] = [(await look(id)) as { list: string[] }]
    expect(list).toHaveLength(1)
    for (const room of entered) expect(room.newList('list').toArray()).toEqual(list)
  })

  test.each(['before', 'after'] as const)('whose sender is cut off %s the server gets it', async (when) => {
    const id = freshId()
    const { proposals, WebSocket } = cutting(2, when)
    let calls = 0
    const room = newClient({ WebSocket }).enter(id, {
      initial: (content) => content.newList('list').push(`call ${++calls}`, Math.random()),
    })
    await until(() => proposals.length > 0)
    // Nothing was answered; what is edited meanwhile comes on top, and does not make the room one that has content.
    room.newMap('map').set('meanwhile', true)
    await room.synced()
    await room.saved()
    expect(calls).toBe(1)
    expect(new Set(proposals).size).toBe(1)
    const { list, map } = (await look(id)) as { list: unknown[]; map: unknown }
    expect(list).toHaveLength(2)
    expect(list[0]).toBe('call 1')
    expect(map).toEqual({ meanwhile: true })
  })

  test('is there once when the server is killed in the middle of the race, again and again', async () => {
    for (let round = 0; round < 5; round++) {
      const id = freshId()
      const enter = () => {
        const room = newClient().enter(id, { initial: template })
        room.on('error', (error) => expect(error.code).toBe('unreachable'))
        return room
      }
      const entered = Array.from({ length: 20 }, enter)
      for (let kill = 0; kill < 2; kill++) {
        await new Promise((resolve) => setTimeout(resolve, round * 8 + kill * 5))
        await server().kill()
        await server().run()
        entered.push(enter())
      }
      await Promise.all(entered.map((room) => room.saved()))
      expect(await look(id)).toEqual(filled)
      await until(() => entered.every((room) => room.newList('list').length === 3))
      for (const room of entered) {
        expect(room.newList('list').toJSON()).toEqual(filled.list)
        expect(room.newText('text').toJSON()).toBe('Hello')
      }
      await leave()
    }
  })

  test('is shown to nobody before it is durable: a server that crashes takes that of another', async () => {
    const slow = await SymphonyServer.start('--journal-window', '5s')
    const { proposals, WebSocket } = cutting(0, 'before')
    const own = (name: string) => ({ initial: (room: Content) => room.newList('list').push(name) })
    const first = newClient({ WebSocket }, slow.url).enter('crash', own('first'))
    first.on('error', () => {})
    await until(() => proposals.length === 1)
    await slow.kill()
    expect(first.doc.store.clients.size).toBe(0)
    await slow.run()
    const second = newClient({}, slow.url).enter('crash', own('second'))
    await Promise.all([first.saved(), second.saved()])
    const { list } = (await look('crash', slow.url)) as { list: string[] }
    expect(list).toHaveLength(1)
    for (const room of [first, second]) expect(room.newList('list').toArray()).toEqual(list)
    await leave()
    await slow.dispose()
  })

  test('is not built for a room that has content, or had any', async () => {
    const id = freshId()
    const first = newClient().enter(id)
    await first.synced()
    first.newList('list').push('x')
    first.newList('list').clear()
    await first.saved()
    const initial = vi.fn(template)
    const second = newClient().enter(id, { initial })
    await second.synced()
    expect(initial).not.toHaveBeenCalled()
    expect(await look(id)).toMatchObject({ list: [] })
  })

  test('gives way to an edit that is made at once', async () => {
    const id = freshId()
    const initial = vi.fn(template)
    const room = newClient().enter(id, { initial })
    room.newList('list').push('mine')
    await room.synced()
    await room.saved()
    expect(initial).not.toHaveBeenCalled()
    expect(await look(id)).toMatchObject({ list: ['mine'] })
  })

  test('is not built if this device has content that no server has seen', async () => {
    vi.stubGlobal('indexedDB', new IDBFactory())
    const away = await SymphonyServer.start()
    await away.stop()
    const id = freshId()
    const initial = vi.fn(template)
    const before = newClient({ offline: true }, away.url)
    const room = before.enter(id, { initial })
    room.on('error', () => {})
    room.newList('list').push('offline')
    await before.leave()
    await away.run()
    const again = newClient({ offline: true }, away.url).enter(id, { initial })
    await again.saved()
    expect(initial).not.toHaveBeenCalled()
    expect(await look(id, away.url)).toMatchObject({ list: ['offline'] })
    await leave()
    await away.dispose()
  })

  test('is not proposed by a client that may only read', async () => {
    const doc = new Y.Doc()
    const scripted = await ScriptedServer.start((socket) => {
      greet(socket, doc, { readOnly: true })
      ScriptedServer.answer(socket, doc)
    })
    const initial = vi.fn(template)
    const room = newClient({}, scripted.url.replace('/rooms/r', '')).enter('r', { initial })
    await room.synced()
    expect(room.readOnly).toBe(true)
    expect(initial).not.toHaveBeenCalled()
    expect(scripted.count(105)).toBe(0)
    await room.leave()
    await scripted.dispose()
  })

  test('of a Y.XmlFragment, as editors use it', async () => {
    const id = freshId()
    const initial = (room: Content) => {
      const paragraph = new Y.XmlElement('paragraph')
      paragraph.insert(0, [new Y.XmlText('Dear')])
      room.doc.getXmlFragment('prose').insert(0, [paragraph])
      ;(room.doc.get('root', Y.XmlText) as Y.XmlText).insert(0, 'lexical', { bold: true })
    }
    const [room, other] = [1, 2].map(() => newClient().enter(id, { initial })) as [Room, Room]
    await Promise.all([room.synced(), other.synced()])
    for (const { doc } of [room, other]) {
      expect(doc.getXmlFragment('prose').toString()).toBe('<paragraph>Dear</paragraph>')
      expect((doc.get('root', Y.XmlText) as Y.XmlText).toString()).toBe('<bold>lexical</bold>')
    }
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('my mistake')
      },
      /initial failed \(my mistake\); nothing was written/,
    ],
    ['is async', async () => {}, /must not be async/],
    [
      'stores what cannot be stored',
      (room: Content) => room.newMap('map').set('x', new Date()),
      /map\.set.*Date/,
    ],
    [
      'builds too much',
      (room: Content) => room.newList('list').push('x'.repeat(600), 'y'.repeat(600)),
      /over the limit/,
    ],
  ] as [string, (room: Content) => void, RegExp][])(
    'that %s is an error, and the room goes on empty',
    async (_, initial, message) => {
      const doc = new Y.Doc()
      const scripted = await ScriptedServer.start((socket) => {
        greet(socket, doc, { maxMessage: 1000 })
        ScriptedServer.answer(socket, doc)
      })
      const room = newClient({}, scripted.url.replace('/rooms/r', '')).enter('r', { initial })
      const errors: SymphonyError[] = []
      room.on('error', (error) => errors.push(error))
      await room.synced()
      expect(errors).toHaveLength(1)
      expect(errors[0]?.message).toMatch(message)
      expect(errors[0]?.code).toBe('invalid-argument')
      expect(room.status).toBe('connected')
      expect(room.doc.store.clients.size).toBe(0)
      expect(scripted.count(105)).toBe(0)
      await room.leave()
      await scripted.dispose()
    },
  )
})

describe('initial content on a plain y-websocket server', () => {
  test('that is the same everywhere is there once', async () => {
    const plain = await PlainServer.start()
    const initial = vi.fn(template)
    const entered = Array.from({ length: 8 }, () => newClient({}, plain.url).enter('race', { initial }))
    await Promise.all(entered.map((room) => room.synced()))
    for (const room of entered)
      await until(() => room.newText('text').length === 5 && room.saveStatus !== 'local')
    expect(await look('race', plain.url)).toEqual(filled)

    const calls = initial.mock.calls.length
    expect(calls).toBeGreaterThan(0)
    await newClient({}, plain.url).enter('race', { initial }).synced()
    expect(initial).toHaveBeenCalledTimes(calls)
    await leave()
    await plain.dispose()
  })
})
