// Rooms whose document the real server replaces, deletes or erases under their clients.
import { IDBFactory } from 'fake-indexeddb'
import { expect, test, vi } from 'vitest'
import type { Doc } from 'yjs'
import type { Room, SymphonyError } from '../src/index.js'
import { until } from './support/until.js'
import { withServer } from './support/with-server.js'

const { server, newClient, freshId } = withServer('lifecycle')

/** Asks the server's management API. */
async function api(method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(`${server().url.replace('ws', 'http')}/v1/rooms/${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await response.text()
  expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true)
  return text ? JSON.parse(text) : undefined
}

const list = (room: Room) => room.newList('list').toArray()

test('a restored version replaces the document: who is there starts over, who was away too, nothing doubles', async () => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  const id = freshId()
  const away = newClient({ offline: true })
  const early = away.enter(id)
  early.newList('list').push('one', 'two')
  await early.saved()
  const { number } = await api('POST', `${id}/versions`, { label: 'two elements' })
  early.newList('list').push('three')
  await early.saved()
  await away.leave()

  const online = [newClient(), newClient()].map((client) => client.enter(id)) as [Room, Room]
  const resets: Doc[] = []
  const statuses = new Set<string>()
  for (const room of online) {
    room.on('reset', ({ previous }) => resets.push(previous))
    room.on('status', (status) => statuses.add(status))
  }
  await Promise.all(online.map((room) => room.synced()))
  expect(list(online[0])).toEqual(['one', 'two', 'three'])

  await api('POST', `${id}/versions/${number}/restore`, { as: 'replacement' })
  await until(() => resets.length === 2)
  await until(() => online.every((room) => list(room).length === 2))
  for (const room of online) expect(list(room)).toEqual(['one', 'two'])
  expect(statuses).not.toContain('closed')
  expect(resets[0]?.getArray('list').toArray()).toEqual(['one', 'two', 'three'])
  online[0].newList('list').push('four')
  await until(() => list(online[1]).length === 3)
  await online[0].saved()

  // Who was away edits the copy of the document that was replaced before the server can tell.
  const back = newClient({ offline: true }).enter(id)
  const before = new Promise<Doc>((resolve) => back.on('reset', ({ previous }) => resolve(previous)))
  back.newList('list').push('offline')
  const synced = back.synced()
  const previous = await before
  expect(previous.getArray('list').toArray()).toContain('offline')
  await synced
  await until(() => list(back).length === 3)
  expect(list(back)).toEqual(['one', 'two', 'four'])
  await back.saved()
  expect(list(online[1])).toEqual(['one', 'two', 'four'])
  // And once more from the device's copy, which is of the new document now.
  await back.leave()
  const again = newClient({ offline: true }).enter(id)
  let startedOver = 0
  again.on('reset', () => startedOver++)
  await again.saved()
  expect(list(again)).toEqual(['one', 'two', 'four'])
  expect(startedOver).toBe(0)
})

test('initial content does not come back with a restored version', async () => {
  const id = freshId()
  const initial = vi.fn((room: { newList: Room['newList'] }) => void room.newList('list').push('initial'))
  const room = newClient().enter(id, { initial })
  await room.saved()
  const { number } = await api('POST', `${id}/versions`, { label: 'begun' })
  room.newList('list').push('more')
  await room.saved()
  const reset = new Promise((resolve) => room.on('reset', resolve))
  await api('POST', `${id}/versions/${number}/restore`, { as: 'replacement' })
  await reset
  await room.saved()
  await until(() => list(room).length === 1)
  const other = newClient().enter(id, { initial })
  await other.synced()
  expect(list(other)).toEqual(['initial'])
  expect(initial).toHaveBeenCalledTimes(1)
})

test('a deleted room: a final error says so, the local document stays usable', async () => {
  const id = freshId()
  const room = newClient().enter(id)
  room.newList('list').push('here')
  await room.saved()
  const errors: SymphonyError[] = []
  room.on('error', (error) => errors.push(error))
  await api('DELETE', id)
  await until(() => room.status === 'closed')
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ code: 'deleted' })
  expect(errors[0]?.message).toMatch(/deleted.*stays usable/)
  room.newList('list').push('still')
  expect(list(room)).toEqual(['here', 'still'])
  await expect(room.saved()).rejects.toMatchObject({ code: 'deleted' })

  const late = newClient().enter(id)
  late.on('error', () => {})
  await expect(late.synced()).rejects.toMatchObject({ code: 'deleted' })

  // Brought back within the time for that, it goes on; entered again, what was edited meanwhile is not there.
  await api('POST', `${id}/undelete`, {})
  const again = newClient().enter(id)
  await again.synced()
  expect(list(again)).toEqual(['here'])
})

test('an erased room that is created anew: an old copy on a device is not merged into it', async () => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  const id = freshId()
  const away = newClient({ offline: true })
  const early = away.enter(id)
  early.newList('list').push('old')
  await early.saved()
  await away.leave()
  const { generation } = await api('GET', id)
  await api('DELETE', `${id}?erase=true`)

  const first = newClient().enter(id, { initial: (room) => room.newList('list').push('new') })
  await first.saved()
  expect((await api('GET', id)).generation).not.toBe(generation)
  const initial = vi.fn()
  const back = newClient({ offline: true }).enter(id, { initial })
  const reset = new Promise((resolve) => back.on('reset', resolve))
  await reset
  await back.saved()
  expect(list(back)).toEqual(['new'])
  expect(list(first)).toEqual(['new'])
  expect(initial).not.toHaveBeenCalled()
})

test('an erased room that nobody wrote to since: a device with an old copy begins it with initial content', async () => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  const id = freshId()
  const initial = vi.fn((room: { newList: Room['newList'] }) => void room.newList('list').push('initial'))
  const away = newClient({ offline: true })
  const early = away.enter(id, { initial })
  early.newList('list').push('edited')
  await early.saved()
  await away.leave()
  await api('DELETE', `${id}?erase=true`)
  const back = newClient({ offline: true }).enter(id, { initial })
  await new Promise((resolve) => back.on('reset', resolve))
  await back.saved()
  expect(list(back)).toEqual(['initial'])
})
