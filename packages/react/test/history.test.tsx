// @vitest-environment jsdom
import { History } from '@symphony-rtc/client'
import { act, fireEvent, render, screen } from '@testing-library/react'
import { StrictMode } from 'react'
import { afterEach, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { TinyServer } from '../../client/test/support/tiny-server.js'
import { until } from '../../client/test/support/until.js'
import { type HistoryControls, useHistory, useList, useMap, useStatus, useText } from '../src/index.js'
import { Board, happens, newClient } from './support/room.js'

let server: TinyServer | undefined
afterEach(async () => {
  await server?.stop()
  server = undefined
})

const seen: HistoryControls[] = []
afterEach(() => void seen.splice(0))

function Buttons({ of }: { of?: 'list' | 'map' }) {
  const [, list] = useList('list', () => 0)
  const [, map] = useMap('map', () => 0)
  const history = useHistory(of && [of === 'list' ? list : map])
  seen.push(history)
  return (
    <>
      <button type="button" onClick={history.undo} disabled={!history.canUndo}>
        {`undo ${of ?? 'all'}`}
      </button>
      <button type="button" onClick={history.redo} disabled={!history.canRedo}>
        {`redo ${of ?? 'all'}`}
      </button>
    </>
  )
}

const button = (name: string) => screen.getByText(name) as HTMLButtonElement

test('undo and redo of the whole room', () => {
  const client = newClient()
  render(
    <StrictMode>
      <Board client={client}>
        <Buttons />
      </Board>
    </StrictMode>,
  )
  const room = client.enter('room')
  const [list, map] = [room.newList('list'), room.newMap('map')]
  expect(button('undo all').disabled).toBe(true)
  act(() => void list.push(1))
  act(() => void map.set('x', 1))
  expect(button('undo all').disabled).toBe(false)
  expect(button('redo all').disabled).toBe(true)
  fireEvent.click(button('undo all'))
  expect(map.toJSON()).toEqual({})
  expect(list.toArray()).toEqual([1])
  expect(button('redo all').disabled).toBe(false)
  fireEvent.click(button('undo all'))
  expect(list.toArray()).toEqual([])
  expect(button('undo all').disabled).toBe(true)
  fireEvent.click(button('redo all'))
  expect(list.toArray()).toEqual([1])
})

test('undo and redo of one type', () => {
  const client = newClient()
  render(
    <Board client={client}>
      <Buttons of="list" />
      <Buttons of="map" />
    </Board>,
  )
  const room = client.enter('room')
  const [list, map] = [room.newList('list'), room.newMap('map')]
  act(() => void list.push(1))
  expect(button('undo list').disabled).toBe(false)
  expect(button('undo map').disabled).toBe(true)
  act(() => void map.set('x', 1))
  expect(button('undo map').disabled).toBe(false)
  fireEvent.click(button('undo list'))
  expect(list.toArray()).toEqual([])
  expect(map.toJSON()).toEqual({ x: 1 })
  fireEvent.click(button('redo list'))
  expect(list.toArray()).toEqual([1])
})

test('a history ends with the last component that asked for it', async () => {
  const client = newClient()
  const tree = (shown: boolean) => <Board client={client}>{shown && <Buttons />}</Board>
  const { rerender } = render(tree(true))
  const list = client.enter('room').newList('list')
  act(() => void list.push(1))
  const { undo } = seen.at(-1) as HistoryControls
  const destroy = vi.spyOn(History.prototype, 'destroy')
  rerender(tree(false))
  await until(() => destroy.mock.calls.length > 0)
  destroy.mockRestore()
  expect(undo()).toBe(false)
  expect(list.toArray()).toEqual([1])
  rerender(tree(true))
  expect(button('undo all').disabled).toBe(true)
  act(() => void list.push(2))
  fireEvent.click(button('undo all'))
  expect(list.toArray()).toEqual([1])
})

test('components share one history; its functions stay the same and it renders only when what it can changes', () => {
  const client = newClient()
  const tree = (second: boolean) => (
    <Board client={client}>
      <Buttons />
      {second && <Buttons />}
    </Board>
  )
  const { rerender } = render(tree(true))
  const room = client.enter('room')
  const list = room.newList('list')
  act(() => void list.push(1))
  const renders = seen.length
  act(() => void list.push(2))
  act(() => void list.push(3))
  expect(seen).toHaveLength(renders)
  expect(new Set(seen.map((history) => history.undo)).size).toBe(1)
  const [first, second] = screen.getAllByText('undo all') as [HTMLElement, HTMLElement]
  fireEvent.click(first)
  fireEvent.click(second)
  expect(list.toArray()).toEqual([1])
  // One of them goes: the history stays.
  rerender(tree(false))
  fireEvent.click(screen.getByText('undo all'))
  expect(list.toArray()).toEqual([])
})

test('pause and resume make one step of what is between', () => {
  const client = newClient()
  render(<Board client={client}>{<Buttons />}</Board>)
  const list = client.enter('room').newList('list')
  const { pause, resume, undo, clear } = seen.at(-1) as HistoryControls
  act(() => {
    pause()
    list.push(1)
    list.push(2)
    resume()
    list.push(3)
  })
  act(() => void undo())
  expect(list.toArray()).toEqual([1, 2])
  act(() => void undo())
  expect(list.toArray()).toEqual([])
  act(() => clear())
  expect(button('redo all').disabled).toBe(true)
})

test('after a reset the new content is shown, and what is edited then can be undone', async () => {
  server = await TinyServer.start()
  const client = newClient(server.url)
  function Content() {
    const [list] = useList('list')
    const [length] = useList('list', (elements) => elements.length)
    const [deep] = useMap('map', { deep: true })
    const [text] = useText('text')
    return <p>{`${list.join()} ${length} ${JSON.stringify(deep)} ${text} ${useStatus()}`}</p>
  }
  const { container } = render(
    <Board client={client}>
      <Content />
      <Buttons />
      <Buttons of="list" />
    </Board>,
  )
  const shown = () => container.querySelector('p')?.textContent
  const room = client.enter('room')
  await happens(() => shown() === ' 0 {}  connected')
  act(() => {
    room.newList('list').push('old')
    room.newText('text').insert(0, 'old')
  })
  expect(shown()).toBe('old 1 {} old connected')
  await act(() => room.saved())

  const doc = new Y.Doc()
  // As long as the old one, so that only who looks at the new document sees the difference.
  doc.getArray('list').push(['new'])
  doc.getMap('map').set('inner', new Y.Map([['x', 1]]))
  await act(async () => {
    server?.replace(doc)
    await until(() => room.newList('list').get(0) === 'new' && room.status === 'connected')
  })
  expect(shown()).toBe('new 1 {"inner":{"x":1}}  connected')
  expect(button('undo all').disabled).toBe(true)

  // Who selected a length that did not change still hears of what comes.
  act(() => void room.newList('list').push('mine'))
  expect(shown()).toBe('new,mine 2 {"inner":{"x":1}}  connected')
  act(() => void room.newMap('map').get('inner').set('x', 2))
  expect(shown()).toContain('{"inner":{"x":2}}')
  fireEvent.click(button('undo list'))
  expect(room.newList('list').toArray()).toEqual(['new'])
  fireEvent.click(button('undo all'))
  fireEvent.click(button('undo all'))
  expect(shown()).toContain('{"inner":{"x":1}}')
})
