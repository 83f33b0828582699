// What a room held is freed after leave.
import { IDBFactory } from 'fake-indexeddb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { SymphonyClient } from '../src/index.js'
import { SymphonyServer } from './support/server.js'
import { until } from './support/until.js'

let server: SymphonyServer
beforeAll(async () => {
  server = await SymphonyServer.start()
})
afterAll(() => server.dispose())

for (const offline of [false, true]) {
  test(`rooms are freed after leave, offline ${offline}`, async () => {
    globalThis.indexedDB = new IDBFactory()
    const client = new SymphonyClient(server.url, { WebSocket: WebSocket as never, offline })
    const held: WeakRef<object>[] = []
    for (let i = 0; i < 20; i++) await visit(client, `freed ${offline} ${i}`, held)
    await until(() => {
      globalThis.gc?.()
      return held.every((ref) => ref.deref() === undefined)
    })
    expect(globalThis.gc).toBeTypeOf('function')
    expect(held).toHaveLength(20 * 5)
  })
}

async function visit(client: SymphonyClient, id: string, held: WeakRef<object>[]): Promise<void> {
  const room = client.enter(id)
  const list = room.newList('l')
  room.subscribe(list, () => {})
  room.subscribe('others', () => {})
  room.on('status', () => {})
  const history = room.newHistory()
  room.updatePresence({ name: 'Ada' })
  list.push('x'.repeat(10_000), room.newNestedMap())
  await room.saved()
  held.push(new WeakRef(room), new WeakRef(room.doc), new WeakRef(room.awareness))
  held.push(new WeakRef(list), new WeakRef(history))
  await client.leave(id)
}
