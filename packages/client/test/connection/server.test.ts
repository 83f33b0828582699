// The connection against the real server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Peer, same, until } from '../support/peers.js'
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

describe('two clients', () => {
  test('come to the same content', async () => {
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
})
