// What a room says when the real server cannot store: its data is on a small file system that gets full.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Room, SymphonyClient, type SymphonyError } from '../src/index.js'
import { Recorder } from './support/peers.js'
import { SymphonyServer } from './support/server.js'
import { until } from './support/until.js'

let server: SymphonyServer
let mounted = false
const cannotMount = 'a full disk: a small file system cannot be mounted; run this as root'
const clients: SymphonyClient[] = []

beforeAll(async () => {
  server = await SymphonyServer.prepare('--limits-backlog', '128KiB')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'symphony-test', server.data], {
      stdio: 'ignore',
    })
    mounted = true
  } catch (cause) {
    if (process.env.SYMPHONY_TEST_ALL) throw new Error(cannotMount, { cause })
    console.warn(`Not tested, ${cannotMount}`)
    return
  }
  await server.run()
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.leave()))
  await server.kill()
  if (mounted) execFileSync('umount', ['-l', server.data])
  await server.dispose()
})

const ballast = () => join(server.data, 'ballast')

function fillDisk(): void {
  const file = openSync(ballast(), 'a')
  for (const size of [1 << 16, 1 << 12, 1]) {
    const block = new Uint8Array(size)
    try {
      while (writeSync(file, block) > 0);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    }
  }
  closeSync(file)
}

interface Watched {
  room: Room
  sent: Recorder
  storage: string[]
  warnings: SymphonyError[]
  errors: SymphonyError[]
}

function enter(id: string): Watched {
  const sent = new Recorder()
  const client = new SymphonyClient(server.url, { WebSocket: sent.WebSocket, offline: false })
  clients.push(client)
  const room = client.enter(id)
  const watched: Watched = { room, sent, storage: [], warnings: [], errors: [] }
  room.on('storage', (state) => watched.storage.push(state))
  room.on('warning', (warning) => watched.warnings.push(warning))
  room.on('error', (error) => watched.errors.push(error))
  return watched
}

/** How many messages with a change went out. */
const changes = ({ sent }: Watched) => sent.count(0, 1) + sent.count(0, 2)

test('a full disk: rooms go on and say so, then hold changes back, and nothing is lost', async (context) => {
  if (!mounted) return context.skip(cannotMount)
  const writer = enter('full')
  const reader = enter('full')
  await Promise.all([writer.room.synced(), reader.room.synced()])
  const list = writer.room.newList('list')
  list.push('before')
  await writer.room.saved()
  expect(writer.room.storage).toBe('fine')

  // Delayed: the others get what is written, but it is never said to be durable.
  fillDisk()
  const seen: string[] = []
  writer.room.on('saveStatus', (status) => seen.push(status))
  list.push('x'.repeat(60_000))
  await until(() => reader.room.storage === 'delayed' && writer.room.storage === 'delayed')
  await until(() => reader.room.newList('list').length === 2 && writer.room.saveStatus === 'received')
  expect(seen).not.toContain('durable')
  for (const { warnings } of [writer, reader]) {
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ code: 'storage' })
    expect(warnings[0]?.message).toMatch(/cannot store.*changes stay here and are sent again/)
  }
  // Who comes now is told too.
  const late = enter('full')
  await late.room.synced()
  expect(late.storage).toEqual(['delayed'])

  // Refusing: what is too much is not taken, and not sent again and again.
  list.push('y'.repeat(90_000))
  await until(() => reader.room.newList('list').length === 3)
  list.push('z'.repeat(90_000))
  await until(() => writer.room.storage === 'refusing' && reader.room.storage === 'refusing')
  await until(() => writer.room.status === 'connected')
  const before = changes(writer)
  for (let i = 0; i < 50; i++) {
    list.push(i)
    if (i % 10 === 0) list.delete(0, 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  reader.room.newMap('map').set('from', 'reader')
  writer.room.updatePresence({ here: true })
  await until(() => [...reader.room.getOthers().values()].some((one) => one.here))
  expect(writer.room.saveStatus).toBe('local')
  expect(changes(writer)).toBe(before)
  expect(writer.sent.sockets).toBeLessThan(4)
  expect(reader.room.newList('list').length).toBe(3)

  // There is space again: everything arrives, and is durable.
  rmSync(ballast())
  await until(() => [writer, reader, late].every(({ room }) => room.storage === 'fine'))
  await Promise.all([writer.room.saved(), reader.room.saved()])
  await until(() => reader.room.newList('list').length === 54 && late.room.newMap('map').has('from'))
  expect(writer.room.newMap('map').get('from')).toBe('reader')
  expect(writer.storage).toEqual(
    ['delayed', 'refusing', 'fine'].filter((one) => writer.storage.includes(one)),
  )
  expect(writer.errors.concat(reader.errors)).toEqual([])
  await server.kill()
  await server.run()
  const after = enter('full')
  await after.room.synced()
  expect(after.room.newList('list').toJSON()).toEqual(list.toJSON())
})
