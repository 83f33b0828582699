// @vitest-environment jsdom
import { act, fireEvent, render, screen } from '@testing-library/react'
import { memo, useEffect } from 'react'
import { expect, inject, test } from 'vitest'
import { until } from '../../client/test/support/until.js'
import {
  useBroadcast,
  useEvent,
  useHistory,
  useList,
  useOthers,
  usePresence,
  useRoomEvent,
  useSaveStatus,
  useSelf,
  useStatus,
  useSynced,
  useUpdatePresence,
} from '../src/index.js'
import { Board, happens, newClient, renderInRoom } from './support/room.js'

const server = inject('server')

test('own presence begins with the initial one and is updated in parts', () => {
  const updates = new Set<unknown>()
  let names = 0
  function Name() {
    names++
    return <b>{usePresence((presence) => String(presence.name))[0]}</b>
  }
  function Cursor() {
    const [presence, update] = usePresence<{ name: string; x?: number }>()
    updates.add(update)
    return (
      <button type="button" onClick={() => update({ x: (presence.x ?? 0) + 1 })}>
        {JSON.stringify(presence)}
      </button>
    )
  }
  const client = newClient()
  const { container } = render(
    <Board client={client} initialPresence={{ name: 'Ann' }}>
      <Name />
      <Cursor />
    </Board>,
  )
  const button = container.querySelector('button') as HTMLElement
  expect(button.textContent).toBe('{"name":"Ann"}')
  fireEvent.click(button)
  fireEvent.click(button)
  expect(button.textContent).toBe('{"name":"Ann","x":2}')
  expect(client.enter('room').getPresence()).toEqual({ name: 'Ann', x: 2 })
  expect(names).toBe(1)
  expect(updates.size).toBe(1)
})

test('what is in the presence already stays when a provider comes', () => {
  const client = newClient()
  client.enter('room').updatePresence({ name: 'Bea' })
  function Self() {
    return <p>{JSON.stringify(useSelf().presence)}</p>
  }
  const { container } = render(
    <Board client={client} initialPresence={{ name: 'Ann', colour: 'red' }}>
      <Self />
    </Board>,
  )
  expect(container.textContent).toBe('{"name":"Bea","colour":"red"}')
})

test('status and save status are followed', async () => {
  function Indicator() {
    return <p>{`${useStatus()} ${useSaveStatus()} ${useSynced()}`}</p>
  }
  const { room, container } = renderInRoom(<Indicator />)
  expect(container.textContent).toBe('connecting local false')
  await happens(() => container.textContent === 'reconnecting durable false')
  act(() => void room.newList('list').push(1))
  await happens(() => container.textContent === 'reconnecting local false')
  await act(() => room.leave())
  expect(container.textContent).toContain('closed')
})

test('two clients share content, presence and events over the real server', async () => {
  const otherRenders: Record<string, number> = {}
  const received: unknown[] = []
  const Other = memo(function Other({ user }: { user: { presence: { name?: string } } }) {
    const name = user.presence.name as string
    otherRenders[name] = (otherRenders[name] ?? 0) + 1
    return <i>{JSON.stringify(user.presence)}</i>
  })
  function Page({ name }: { name: string }) {
    const [todos, list] = useList<string>('todos')
    const others = useOthers()
    const count = useOthers((all) => all.length)
    const broadcast = useBroadcast()
    const update = useUpdatePresence()
    const saved = useSaveStatus()
    const synced = useSynced()
    const { clientId } = useSelf()
    useEvent((event, from) => received.push([name, event, from]))
    return (
      <div data-testid={name} data-id={clientId}>
        <p>{`${todos.join()} ${count} ${synced ? saved : 'loading'}`}</p>
        {others.map((user) => (
          <Other key={user.clientId} user={user} />
        ))}
        <button type="button" onClick={() => list.push(`by ${name}`)}>
          add
        </button>
        <button type="button" onClick={() => broadcast({ hello: name })}>
          wave
        </button>
        <button type="button" onClick={() => update({ x: 1 })}>
          move
        </button>
      </div>
    )
  }
  render(
    ['ann', 'bob'].map((name) => (
      <Board key={name} client={newClient(server)} initialPresence={{ name }}>
        <Page name={name} />
      </Board>
    )),
  )
  const of = (name: string) => screen.getByTestId(name)
  const click = (name: string, what: string) =>
    fireEvent.click(
      [...of(name).querySelectorAll('button')].find((b) => b.textContent === what) as HTMLElement,
    )
  const text = (name: string) => of(name).querySelector('p')?.textContent
  await happens(() => text('ann') === ' 1 durable' && text('bob') === ' 1 durable')
  expect(of('ann').querySelector('i')?.textContent).toBe('{"name":"bob"}')

  click('ann', 'add')
  await happens(() => text('bob') === 'by ann 1 durable' && text('ann') === 'by ann 1 durable')
  click('bob', 'add')
  await happens(() => text('ann') === 'by ann,by bob 1 durable')

  click('bob', 'wave')
  await until(() => received.length > 0)
  expect(received).toEqual([['ann', { hello: 'bob' }, Number(of('bob').dataset.id)]])

  // A third one comes and moves: of the components of people, only its own renders.
  const third = newClient(server).enter('room')
  third.updatePresence({ name: 'cem' })
  await happens(() => of('ann').querySelectorAll('i').length === 2 && otherRenders.cem === 2)
  const before = { ...otherRenders }
  third.updatePresence({ x: 7 })
  await happens(() => of('ann').textContent?.includes('"x":7') && of('bob').textContent?.includes('"x":7'))
  expect(otherRenders).toEqual({ ...before, cem: (before.cem as number) + 2 })

  // One goes, and those after him move up: theirs do not render.
  const fourth = newClient(server).enter('room')
  fourth.updatePresence({ name: 'dora' })
  await happens(() => of('ann').textContent?.includes('dora') && of('bob').textContent?.includes('dora'))
  const dora = otherRenders.dora
  await act(() => third.leave())
  await happens(() => [of('ann'), of('bob')].every((page) => page.querySelectorAll('i').length === 2))
  expect(otherRenders.dora).toBe(dora)
  await act(() => fourth.leave())
  await happens(() => text('ann') === 'by ann,by bob 1 durable')
})

test('events of the room reach the listener of the latest render', async () => {
  const seen: unknown[] = []
  function Listener({ label }: { label: string }) {
    useRoomEvent('presence', (presence) => seen.push([label, presence]))
    return null
  }
  const client = newClient()
  const tree = (label: string) => (
    <Board client={client}>
      <Listener label={label} />
    </Board>
  )
  const { rerender } = render(tree('first'))
  rerender(tree('second'))
  act(() => client.enter('room').updatePresence({ x: 1 }))
  expect(seen).toEqual([['second', { x: 1 }]])
})

test('an effect of a child can update the presence and edit', () => {
  function Child() {
    const [list, edit] = useList('list')
    const update = useUpdatePresence()
    useEffect(() => {
      update({ here: true })
      if (edit.length === 0) edit.push('first')
    }, [update, edit])
    useHistory()
    return <p>{list.join()}</p>
  }
  const { room, container } = renderInRoom(<Child />)
  expect(container.textContent).toBe('first')
  expect(room.getPresence()).toEqual({ here: true })
})
