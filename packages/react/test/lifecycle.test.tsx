// @vitest-environment jsdom
import type { Room, SymphonyClient } from '@symphony-rtc/client'
import { act, render, screen } from '@testing-library/react'
import { Activity, StrictMode, useEffect } from 'react'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { until } from '../../client/test/support/until.js'
import {
  RoomProvider,
  SymphonyProvider,
  useClient,
  useHistory,
  useList,
  useMap,
  useOthers,
  usePresence,
  useRoom,
  useSaveStatus,
  useStatus,
  useSynced,
} from '../src/index.js'
import { Board, newClient } from './support/room.js'

const statuses = (room: Room) => {
  const seen: string[] = []
  room.on('status', (status) => seen.push(status))
  return seen
}

test('StrictMode enters a room once and stays in it', async () => {
  const client = newClient()
  const enter = vi.spyOn(client, 'enter')
  const leave = vi.spyOn(client, 'leave')
  const rooms = new Set<Room>()
  const mounts: string[] = []
  function Inside() {
    const room = useRoom()
    rooms.add(room)
    useEffect(() => {
      mounts.push('mount')
      return () => void mounts.push('unmount')
    }, [])
    return <p>{useList('list')[0].join()}</p>
  }
  const { container, unmount } = render(
    <StrictMode>
      <Board client={client}>
        <Inside />
      </Board>
    </StrictMode>,
  )
  // That is StrictMode; this test would show nothing otherwise.
  expect(mounts).toEqual(['mount', 'unmount', 'mount'])
  expect(rooms.size).toBe(1)
  const [room] = [...rooms] as [Room]
  const seen = statuses(room)
  act(() => void room.newList('list').push('still here'))
  await act(() => new Promise((resolve) => setTimeout(resolve, 50)))
  expect(container.textContent).toBe('still here')
  expect(new Set(enter.mock.results.map((result) => result.value))).toEqual(rooms)
  expect(leave).not.toHaveBeenCalled()
  expect(seen).not.toContain('closed')
  unmount()
  await until(() => room.status === 'closed')
  expect(leave).toHaveBeenCalledTimes(1)
})

test('unmounting leaves the room, and nothing listens to it any more', async () => {
  const client = newClient()
  let listening = 0
  function Everything() {
    const room = useRoom()
    const [, map] = useMap('map')
    useMap('map', { deep: true })
    useList('list', (list) => list.length)
    useOthers()
    usePresence()
    useStatus()
    useSaveStatus()
    useSynced()
    useHistory()
    useHistory(map)
    return <p>{room.id}</p>
  }
  const room = client.enter('room')
  const on = room.on.bind(room) as (name: never, listener: never) => () => void
  vi.spyOn(room, 'on').mockImplementation(((name: never, listener: never) => {
    listening++
    const stop = on(name, listener)
    return () => {
      listening--
      stop()
    }
  }) as typeof room.on)
  const map = room.newMap('map')
  const spies = (['observe', 'observeDeep', 'unobserve', 'unobserveDeep'] as const).map((name) =>
    vi.spyOn(map, name),
  )
  const observed = () => spies.map((spy) => spy.mock.calls.length)
  // A second one stays a little longer, to see what the first one frees while the room is still there.
  const tree = (both: boolean) => (
    <SymphonyProvider client={client}>
      <RoomProvider id="room">{both && <Everything />}</RoomProvider>
    </SymphonyProvider>
  )
  const { rerender, unmount } = render(tree(false))
  const before = listening
  rerender(tree(true))
  expect(listening).toBeGreaterThan(before)
  expect(observed()).toEqual([1, 1, 0, 0])
  expect(map.rebound.size).toBeGreaterThan(0)
  rerender(tree(false))
  await until(() => listening === before && map.rebound.size === 0)
  expect(observed()).toEqual([1, 1, 1, 1])
  expect(room.status).not.toBe('closed')
  unmount()
  await until(() => room.status === 'closed')
})

test('two providers of a room share it until the last one is unmounted', async () => {
  const client = newClient()
  const rooms: Room[] = []
  function Inside() {
    rooms.push(useRoom())
    return null
  }
  const tree = (...shown: string[]) => (
    <SymphonyProvider client={client}>
      {shown.map((key) => (
        <RoomProvider key={key} id="room">
          <Inside />
        </RoomProvider>
      ))}
    </SymphonyProvider>
  )
  const { rerender } = render(tree('a', 'b'))
  const [room] = rooms as [Room]
  expect(new Set(rooms)).toEqual(new Set([room]))
  rerender(tree('b'))
  // One goes and another one comes in the same commit, as with a change of pages.
  rerender(tree('c'))
  await act(() => new Promise((resolve) => setTimeout(resolve, 30)))
  expect(new Set(rooms)).toEqual(new Set([room]))
  expect(room.status).not.toBe('closed')
  rerender(tree())
  await until(() => room.status === 'closed')
})

test('another id shows another room', async () => {
  const client = newClient()
  function Content() {
    return <p>{`${useRoom().id} ${useList('list')[0].join()}`}</p>
  }
  const tree = (id: string) => (
    <Board client={client} id={id}>
      <Content />
    </Board>
  )
  client.enter('a').newList('list').push(1)
  client.enter('b').newList('list').push(2)
  const a = client.enter('a')
  const { container, rerender } = render(tree('a'))
  expect(container.textContent).toBe('a 1')
  rerender(tree('b'))
  expect(container.textContent).toBe('b 2')
  await until(() => a.status === 'closed')
  expect(client.enter('b').status).not.toBe('closed')
})

// React has had Activity since 19.2.
test.runIf(Activity)('a room that was hidden and left is entered again when it is shown', async () => {
  const client = newClient()
  const rooms: Room[] = []
  function Inside() {
    const room = useRoom()
    rooms.push(room)
    const [elements] = useList('list')
    return <p>{elements.join()}</p>
  }
  const tree = (mode: 'visible' | 'hidden') => (
    <Activity mode={mode}>
      <Board client={client}>
        <Inside />
      </Board>
    </Activity>
  )
  const { container, rerender } = render(tree('visible'))
  const first = rooms.at(-1) as Room
  rerender(tree('hidden'))
  await until(() => first.status === 'closed')
  rerender(tree('visible'))
  const second = rooms.at(-1) as Room
  expect(second).not.toBe(first)
  expect(second.status).not.toBe('closed')
  act(() => void second.newList('list').push('again'))
  expect(container.textContent).toBe('again')
})

test('a room that is rendered but never mounted is left', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const client = newClient()
    let room: Room | undefined
    function Broken(): never {
      room = useRoom()
      throw new Error('not today')
    }
    const silent = vi.spyOn(console, 'error').mockImplementation(() => {})
    const tree = (
      <Board client={client}>
        <Broken />
      </Board>
    )
    expect(() => render(tree)).toThrow('not today')
    silent.mockRestore()
    expect(room?.status).not.toBe('closed')
    vi.advanceTimersByTime(10_000)
    expect(room?.status).toBe('closed')
  } finally {
    vi.useRealTimers()
  }
})

test('a provider with a url makes one client, and leaves its rooms on unmount', async () => {
  const clients = new Set<SymphonyClient>()
  const rooms: Room[] = []
  function Inside() {
    const client = useClient()
    clients.add(client)
    useEffect(() => void rooms.push(client.enter('by hand')), [client])
    return null
  }
  const tree = (url: string) => (
    <StrictMode>
      <SymphonyProvider url={url} WebSocket={WebSocket as never} offline={false}>
        <Inside />
      </SymphonyProvider>
    </StrictMode>
  )
  const { rerender, unmount } = render(tree('127.0.0.1:9'))
  rerender(tree('127.0.0.1:9'))
  const before = clients.size
  // StrictMode calls what makes it twice, and drops one.
  expect(before).toBeLessThanOrEqual(2)
  const last = rooms.at(-1) as Room
  await act(() => new Promise((resolve) => setTimeout(resolve, 30)))
  expect(last.status).not.toBe('closed')
  rerender(tree('127.0.0.1:10'))
  await until(() => last.status === 'closed')
  const other = rooms.at(-1) as Room
  expect([...clients].at(-1)?.url).toBe('ws://127.0.0.1:10')
  expect(other.status).not.toBe('closed')
  unmount()
  await until(() => rooms.every((room) => room.status === 'closed'))
})

test('the fallback is shown until the server turns out to be out of reach', async () => {
  const client = newClient()
  render(
    <SymphonyProvider client={client}>
      <RoomProvider id="room" fallback={<p>loading</p>}>
        <p>content</p>
      </RoomProvider>
    </SymphonyProvider>,
  )
  expect(screen.getByText('loading')).toBeTruthy()
  await screen.findByText('content', undefined, { timeout: 20_000 })
  expect(screen.queryByText('loading')).toBeNull()
})

test('hooks outside of their providers say what is missing', () => {
  const silent = vi.spyOn(console, 'error').mockImplementation(() => {})
  function Inside({ use }: { use: () => unknown }) {
    use()
    return null
  }
  const failing = (use: () => unknown) => () => render(<Inside use={use} />)
  expect(failing(useClient)).toThrow('useClient: wrap it in <SymphonyProvider client={client}>')
  expect(failing(useRoom)).toThrow('useRoom: wrap it in <RoomProvider id="...">')
  expect(failing(useOthers)).toThrow('useOthers: wrap it in <RoomProvider id="...">')
  expect(() => render(<RoomProvider id="room" />)).toThrow('RoomProvider: wrap it in <SymphonyProvider')
  silent.mockRestore()
})
