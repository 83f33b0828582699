// What a page hears, and silence. Node.js has no window: one is put in its place.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Peer, pause, Recorder, until } from '../support/peers.js'
import { FaultProxy, SymphonyServer } from '../support/server.js'

let server: SymphonyServer
let proxy: FaultProxy
let peers: Peer[] = []
let page: EventTarget
let doc: { hidden: boolean }
let network: { onLine: boolean }

beforeEach(async () => {
  page = new EventTarget()
  doc = { hidden: false }
  network = { onLine: true }
  vi.stubGlobal('window', page)
  vi.stubGlobal('document', doc)
  vi.stubGlobal('navigator', network)
  server = await SymphonyServer.start()
  proxy = await FaultProxy.start(server.port)
})
afterEach(async () => {
  vi.useRealTimers()
  for (const peer of peers) peer.destroy()
  peers = []
  vi.unstubAllGlobals()
  await proxy.dispose()
  await server.dispose()
})

function enter(url: string, options: ConstructorParameters<typeof Peer>[1] = {}): Peer {
  const peer = new Peer(url, options)
  peers.push(peer)
  return peer
}

test.each(['online', 'pageshow', 'visibilitychange'])('%s retries at once', async (name) => {
  proxy.refuse = true
  // Waits of more than a quarter of an hour, so that nothing but the event can be what connects.
  const random = vi.spyOn(Math, 'random').mockReturnValue(5000)
  const a = enter(proxy.room('r'))
  await until('waiting', () => a.connection.status === 'reconnecting')
  const before = proxy.connections
  page.dispatchEvent(new Event(name))
  await until('another attempt', () => proxy.connections > before)
  await until('its failure', () => a.errors.length > 0)
  proxy.refuse = false
  // One that is still failing would not be interrupted.
  await pause(50)
  page.dispatchEvent(new Event(name))
  await a.synced()
  random.mockRestore()
})

test('without a network it is offline, without an error, and comes back', async () => {
  proxy.refuse = true
  network.onLine = false
  const a = enter(proxy.room('r'))
  await until('offline', () => a.connection.status === 'offline')
  await pause(300)
  expect(a.errors).toEqual([])
  proxy.refuse = false
  network.onLine = true
  page.dispatchEvent(new Event('online'))
  await a.saved()
  // A browser that says so does not end what works: the server may be on this machine.
  network.onLine = false
  page.dispatchEvent(new Event('offline'))
  await pause(100)
  expect(a.connection.status).toBe('connected')
  a.text.insert(0, 'x')
  await a.saved()
  proxy.cut()
  proxy.refuse = true
  await until('offline again', () => a.connection.status === 'offline')
  expect(a.statuses).not.toContain('connecting')
})

test('a connection that died unnoticed is found when the window is looked at again', async () => {
  const a = enter(proxy.room('r'))
  await a.saved()
  proxy.blackhole = true
  a.text.insert(0, 'x')
  // It is the document's, and rises to the window.
  page.dispatchEvent(new Event('visibilitychange'))
  await until('noticed', () => a.connection.status === 'reconnecting')
  proxy.blackhole = false
  await a.saved()
})

test('looking at the window does not end a connection that lives', async () => {
  const recorder = new Recorder()
  const a = enter(proxy.room('r'), { WebSocket: recorder.WebSocket })
  await a.saved()
  for (let i = 0; i < 5; i++) {
    page.dispatchEvent(new Event('visibilitychange'))
    page.dispatchEvent(new Event('pageshow'))
    await pause(1200)
  }
  expect(recorder.count(3)).toBeGreaterThan(0)
  expect(a.statuses).toEqual(['connected'])
})

test('timers that come very late do not end a connection that lives', async () => {
  const recorder = new Recorder()
  const a = enter(proxy.room('r'), { WebSocket: recorder.WebSocket })
  await a.saved()
  // Time passes in which no timer ran, as for a window that was frozen.
  const { now } = performance
  let late = 0
  const frozen = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + late)
  await until('the server was asked', () => {
    late += 600_000
    return recorder.count(3) > 0
  })
  frozen.mockRestore()
  a.text.insert(0, 'x')
  await a.saved()
  expect(a.statuses).toEqual(['connected'])
})

test('silence is noticed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  const a = enter(proxy.room('r'))
  await a.saved()
  proxy.blackhole = true
  vi.advanceTimersByTime(40_000)
  expect(a.connection.status).toBe('connected')
  vi.advanceTimersByTime(20_000)
  expect(a.connection.status).toBe('reconnecting')
  proxy.blackhole = false
  await until('again', () => a.connection.synced)
  expect(a.errors).toEqual([])
})

test('a page that is left says so at once, and that it is back', async () => {
  const a = enter(proxy.room('r'))
  vi.stubGlobal('window', new EventTarget())
  const b = enter(proxy.room('r'))
  await until('both', () => b.awareness.getStates().size === 2)
  const sent: string[] = []
  b.awareness.on('change', ({ added, removed }: { added: number[]; removed: number[] }) => {
    if (removed.includes(a.awareness.clientID)) sent.push('gone')
    if (added.includes(a.awareness.clientID)) sent.push('back')
  })
  a.text.insert(0, 'just before')
  page.dispatchEvent(new Event('pagehide'))
  await until('gone', () => b.awareness.getStates().size === 1)
  expect(b.text.toString()).toBe('just before')
  page.dispatchEvent(new Event('pageshow'))
  await until('back', () => b.awareness.getStates().size === 2)
  expect(a.connection.status).toBe('connected')
})

test('destroy takes all listeners off the page', async () => {
  let listening = 0
  const { addEventListener, removeEventListener } = page
  page.addEventListener = (...args: any[]) => {
    listening++
    addEventListener.apply(page, args as any)
  }
  page.removeEventListener = (...args: any[]) => {
    listening--
    removeEventListener.apply(page, args as any)
  }
  const a = enter(proxy.room('r'))
  await a.synced()
  expect(listening).toBe(5)
  a.destroy()
  expect(listening).toBe(0)
})
