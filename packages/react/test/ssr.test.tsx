// @vitest-environment jsdom
import { SymphonyClient } from '@symphony-rtc/client'
import { act } from '@testing-library/react'
import { StrictMode } from 'react'
import { hydrateRoot, type Root } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, expect, test, vi } from 'vitest'
import {
  RoomProvider,
  SymphonyProvider,
  useBroadcast,
  useEvent,
  useHistory,
  useList,
  useMap,
  useOthers,
  usePresence,
  useRoom,
  useSaveStatus,
  useSelf,
  useStatus,
  useSynced,
  useText,
} from '../src/index.js'
import { Board, newClient } from './support/room.js'

function Everything() {
  const room = useRoom()
  const [todos, list] = useList<string>('todos')
  const [count] = useList(list, (elements) => elements.length)
  const [theme] = useMap('settings', (settings) => settings.theme ?? 'none')
  const [, map] = useMap('settings')
  const [note] = useText('note')
  const [name] = usePresence((presence) => presence.name)
  const history = useHistory(map)
  useEvent(() => {})
  useBroadcast()
  const shown = [
    room.id,
    todos.join(),
    count,
    theme,
    note,
    name,
    useOthers((others) => others.length),
    useStatus(),
    useSaveStatus(),
    useSynced(),
    useSelf().clientId === 0,
    history.canUndo,
  ]
  return (
    <button type="button" onClick={() => list.push('new')}>
      {shown.join(' | ')}
    </button>
  )
}

function App({ client }: { client: SymphonyClient }) {
  return (
    <Board client={client} initialPresence={{ name: 'Ann' }}>
      <Everything />
    </Board>
  )
}

/** Renders as a server does: without a window, a WebSocket and storage. */
function onServer(render: () => string): string {
  for (const name of ['window', 'document', 'WebSocket', 'indexedDB']) vi.stubGlobal(name, undefined)
  try {
    return render()
  } finally {
    vi.unstubAllGlobals()
  }
}

let root: Root | undefined
afterEach(() => act(() => root?.unmount()))

const empty = 'room |  | 0 | none |  | Ann | 0 | connecting | local | false | true | false'

test('a server renders empty rooms and enters none', () => {
  const client = new SymphonyClient('wss://example.com')
  const enter = vi.spyOn(client, 'enter')
  const html = onServer(() => renderToString(<App client={client} />))
  expect(html).toBe(`<button type="button">${empty}</button>`)
  expect(enter).not.toHaveBeenCalled()
})

test.each([false, true])(
  'hydrating has nothing to complain of, then shows the room (StrictMode: %s)',
  async (strict) => {
    const html = onServer(() => renderToString(<App client={new SymphonyClient('wss://example.com')} />))
    const container = document.createElement('div')
    document.body.append(container)
    container.innerHTML = html
    const client = newClient()
    // What is there before hydrating must not show while hydrating.
    const room = client.enter('room')
    room.on('error', () => {}) // that there is no server may turn out any time
    room.newList('todos').push('kept')
    room.newMap('settings').set('theme', 'dark')
    const complaints: unknown[] = []
    const error = vi.spyOn(console, 'error').mockImplementation((...args) => void complaints.push(args))
    await act(async () => {
      const app = <App client={client} />
      root = hydrateRoot(container, strict ? <StrictMode>{app}</StrictMode> : app, {
        onRecoverableError: (problem) => complaints.push(problem),
      })
    })
    error.mockRestore()
    expect(complaints).toEqual([])
    expect(container.textContent).toContain('room | kept | 1 | dark |  | Ann | 0 |')
    await act(async () => container.querySelector('button')?.click())
    expect(room.newList('todos').toArray()).toEqual(['kept', 'new'])
    expect(container.textContent).toContain('kept,new | 2')
  },
)

test('a fallback is what a server renders', () => {
  const client = new SymphonyClient('wss://example.com')
  const html = onServer(() =>
    renderToString(
      <SymphonyProvider client={client}>
        <RoomProvider id="room" fallback="loading">
          <Everything />
        </RoomProvider>
      </SymphonyProvider>,
    ),
  )
  expect(html).toBe('loading')
})

test('using a room or a list while a server renders says what to do', () => {
  const client = new SymphonyClient('wss://example.com')
  const render = (Component: () => string) =>
    onServer(() =>
      renderToString(
        <Board client={client}>
          <Component />
        </Board>,
      ),
    )
  expect(() => render(() => useRoom().status)).toThrow(
    'room.status: there are no rooms on a server; render what hooks return, and use the room in effects and event handlers',
  )
  expect(() => render(() => String(useList('todos')[1].length))).toThrow('list.length: there are no rooms')
})
