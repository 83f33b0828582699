// @vitest-environment jsdom
// A server that cannot store, and a room that begins with content.
import { act, render } from '@testing-library/react'
import * as encoding from 'lib0/encoding'
import { StrictMode } from 'react'
import { expect, inject, test, vi } from 'vitest'
import * as Y from 'yjs'
import { bytes, greet, ScriptedServer } from '../../client/test/connection/scripted.js'
import { RoomProvider, SymphonyProvider, useList, useStorage } from '../src/index.js'
import { happens, newClient } from './support/room.js'

const server = inject('server')

/** What a server says of its storage. */
const storage = (state: number) =>
  bytes((e) => {
    for (const byte of [104, state, 0]) encoding.writeUint8(e, byte)
  })

test('the state of the storage is followed', async () => {
  const doc = new Y.Doc()
  let tell = (_: Uint8Array) => {}
  const scripted = await ScriptedServer.start((socket) => {
    greet(socket, doc)
    ScriptedServer.answer(socket, doc)
    tell = (message) => socket.send(message)
  })
  const client = newClient(scripted.url.replace('/rooms/r', ''))
  const { container } = render(
    <SymphonyProvider client={client}>
      <RoomProvider id="r">
        <Indicator />
      </RoomProvider>
    </SymphonyProvider>,
  )
  expect(container.textContent).toBe('fine')
  await act(() => client.enter('r').synced())
  for (const [state, name] of ['delayed', 'refusing', 'fine'].map(
    (name, i) => [(i + 1) % 3, name] as const,
  )) {
    tell(storage(state))
    await happens(() => container.textContent === name)
  }
  await client.leave()
  await scripted.dispose()
})

function Indicator() {
  return <p>{useStorage()}</p>
}

test('a room begins with what a provider gives, once', async () => {
  const initial = vi.fn((room) => void room.newList('todos').push('Look around'))
  const containers = [1, 2].map(
    () =>
      render(
        <StrictMode>
          <SymphonyProvider client={newClient(server)}>
            <RoomProvider id="begins" initial={initial}>
              <Todos />
            </RoomProvider>
          </SymphonyProvider>
        </StrictMode>,
      ).container,
  )
  for (const container of containers) await happens(() => container.textContent === 'Look around')
  expect(initial.mock.calls.length).toBeLessThan(3)
})

function Todos() {
  const [todos] = useList<string>('todos')
  return <p>{todos.join()}</p>
}
