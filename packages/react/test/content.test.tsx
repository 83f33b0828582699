// @vitest-environment jsdom
import { SymphonyError, SyncedList, SyncedMap } from '@symphony-rtc/client'
import { act, fireEvent, render, screen } from '@testing-library/react'
import { memo, useState } from 'react'
import { expect, test, vi } from 'vitest'
import { shallow, useList, useMap, useText } from '../src/index.js'
import { newClient, renderInRoom, Board as Wrapped } from './support/room.js'

interface Todo {
  text: string
  done: boolean
}

test('a list is shown and changed', () => {
  function Todos() {
    const [todos, list] = useList<Todo>('todos')
    return (
      <>
        <ul>
          {todos.map((todo) => (
            <li key={todo.text}>{todo.text}</li>
          ))}
        </ul>
        <button type="button" onClick={() => list.push({ text: `${todos.length}`, done: false })}>
          add
        </button>
      </>
    )
  }
  const { room } = renderInRoom(<Todos />)
  expect(screen.queryAllByRole('listitem')).toHaveLength(0)
  fireEvent.click(screen.getByText('add'))
  fireEvent.click(screen.getByText('add'))
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['0', '1'])
  expect(room.newList('todos').toArray()).toEqual([
    { text: '0', done: false },
    { text: '1', done: false },
  ])
  act(() => room.newList('todos').delete(0))
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['1'])
})

test('snapshots are the same until something changes, for all components', () => {
  const seen: unknown[] = []
  function Reader() {
    const [elements] = useList('list')
    seen.push(elements)
    return null
  }
  const { room } = renderInRoom(
    <>
      <Reader />
      <Reader />
    </>,
  )
  expect(new Set(seen).size).toBe(1)
  act(() => void room.newList('other').push(1))
  expect(seen).toHaveLength(2)
  act(() => void room.newList('list').push(1))
  expect(seen).toHaveLength(4)
  expect(new Set(seen).size).toBe(2)
  expect(seen[0]).toEqual([])
  expect(seen[2]).toEqual([1])
})

test('a change of one key renders only who selected it', () => {
  const renders = { x: 0, y: 0, both: 0 }
  function X() {
    renders.x++
    return <b>{useMap('point', (p: Record<string, number>) => p.x)[0]}</b>
  }
  function Y() {
    renders.y++
    return <i>{useMap('point', (p: Record<string, number>) => p.y)[0]}</i>
  }
  function Both() {
    renders.both++
    const [{ x, y }] = useMap<number>('point')
    return <u>{`${x} ${y}`}</u>
  }
  const { room, container } = renderInRoom(
    <>
      <X />
      <Y />
      <Both />
    </>,
  )
  const point = room.newMap('point')
  act(() => void point.set('x', 1))
  expect(renders).toEqual({ x: 2, y: 1, both: 2 })
  act(() => void point.set('y', 2))
  expect(renders).toEqual({ x: 2, y: 2, both: 3 })
  act(() => void point.set('z', 3))
  expect(renders).toEqual({ x: 2, y: 2, both: 4 })
  act(() => void point.set('x', 1))
  expect(renders).toEqual({ x: 2, y: 2, both: 4 })
  expect(container.innerHTML).toBe('<b>1</b><i>2</i><u>1 2</u>')
})

test('isEqual keeps a new array from rendering when its elements are the same', () => {
  let renders = 0
  const results = new Set<unknown>()
  let again = () => {}
  function Open() {
    renders++
    const [, set] = useState(0)
    again = () => set(renders)
    const [open] = useList('todos', (todos: readonly Todo[]) => todos.filter((todo) => !todo.done), shallow)
    results.add(open)
    return <p>{open.map((todo) => todo.text).join()}</p>
  }
  const { room, container } = renderInRoom(<Open />)
  const todos = room.newList<Todo>('todos')
  act(() => void todos.push({ text: 'a', done: false }))
  expect(renders).toBe(2)
  act(() => void todos.push({ text: 'b', done: true }))
  expect(renders).toBe(2)
  act(() => todos.insert(0, { text: 'c', done: false }))
  expect(renders).toBe(3)
  expect(results.size).toBe(3)
  expect(container.textContent).toBe('c,a')
  // Another selector, as each rendering makes one, but what it selects is equal: it stays the same array.
  act(() => again())
  expect(renders).toBe(4)
  expect(results.size).toBe(3)
})

test('the selector of the latest render counts', () => {
  function Value({ of }: { of: string }) {
    return <p>{useMap('map', (map: Record<string, number>) => map[of])[0]}</p>
  }
  const client = newClient()
  const map = client.enter('room').newMap<number>('map')
  map.set('a', 1)
  map.set('b', 2)
  const tree = (of: string) => <Value of={of} />
  const { container, rerender } = render(<Wrapped client={client}>{tree('a')}</Wrapped>)
  expect(container.textContent).toBe('1')
  rerender(<Wrapped client={client}>{tree('b')}</Wrapped>)
  expect(container.textContent).toBe('2')
  // Back to what the selector before had shown: not to be mistaken for no change.
  act(() => void map.set('b', 1))
  expect(container.textContent).toBe('1')
  act(() => void map.set('b', 3))
  expect(container.textContent).toBe('3')
})

test('nested types have components of their own', () => {
  let parents = 0
  const children: Record<string, number> = {}
  const Shape = memo(function Shape({ shape }: { shape: SyncedMap<{ name: string; x: number }> }) {
    const [{ name, x }] = useMap(shape)
    children[name as string] = (children[name as string] ?? 0) + 1
    return <li>{`${name} ${x}`}</li>
  })
  function Shapes() {
    parents++
    const [shapes] = useList<SyncedMap<{ name: string; x: number }>>('shapes')
    return shapes.map((shape) => <Shape key={shape.get('name')} shape={shape} />)
  }
  const { room, container } = renderInRoom(<Shapes />)
  const shapes = room.newList<SyncedMap<{ name: string; x: number }>>('shapes')
  act(() =>
    room.bundle(() => {
      for (const name of ['a', 'b']) {
        const shape = room.newNestedMap<{ name: string; x: number }>()
        shape.set('name', name).set('x', 0)
        shapes.push(shape)
      }
    }),
  )
  expect(parents).toBe(2)
  act(() => void shapes.get(0)?.set('x', 5))
  expect(parents).toBe(2)
  expect(children).toEqual({ a: 2, b: 1 })
  act(() => shapes.move(0, 1))
  expect(parents).toBe(3)
  expect(children).toEqual({ a: 2, b: 1 })
  expect(container.textContent).toBe('b 0a 5')
})

test('deep snapshots are plain, and what did not change in them stays identical', () => {
  const seen: any[] = []
  function Shapes() {
    const [shapes, map] = useMap('shapes', { deep: true })
    seen.push(shapes)
    expect(map).toBeInstanceOf(SyncedMap)
    return null
  }
  function Names() {
    const [names] = useMap('shapes', (shapes) => Object.values(shapes).map((shape: any) => shape.name), {
      deep: true,
      isEqual: shallow,
    })
    return <p>{names.join()}</p>
  }
  const { room, container } = renderInRoom(
    <>
      <Shapes />
      <Names />
    </>,
  )
  const shapes = room.newMap('shapes')
  act(() =>
    room.bundle(() => {
      for (const name of ['a', 'b']) {
        const points = room.newNestedList<number>()
        points.push(1, 2)
        shapes.set(name, room.newNestedMap().set('name', name).set('points', points))
      }
    }),
  )
  expect(seen.at(-1)).toEqual({ a: { name: 'a', points: [1, 2] }, b: { name: 'b', points: [1, 2] } })
  const before = seen.at(-1)
  act(() => shapes.get('a').get('points').push(3))
  const after = seen.at(-1)
  expect(after.a).toEqual({ name: 'a', points: [1, 2, 3] })
  expect(after.b).toBe(before.b)
  expect(before.a.points).toEqual([1, 2])
  act(() => void shapes.get('b').set('name', 'c'))
  expect(container.textContent).toBe('a,c')
})

test('deep snapshots keep what moves', () => {
  const rendered: number[] = []
  const Point = memo(function Point({ point }: { point: { x: number } }) {
    rendered.push(point.x)
    return null
  })
  function Points() {
    const [points] = useList('points', { deep: true })
    return points.map((point) => <Point key={point.x} point={point} />)
  }
  const { room } = renderInRoom(<Points />)
  const points = room.newList('points')
  const add = (x: number) => points.unshift(room.newNestedMap().set('x', x))
  act(() => void add(1))
  act(() => void add(2))
  act(() => void add(3))
  act(() => points.move(0, 2))
  expect(rendered).toEqual([1, 2, 3])
  act(() => void points.get(0).set('y', 0))
  expect(rendered).toEqual([1, 2, 3, 2])
})

test('a text is shown and changed, and keeps the cursor of an input', () => {
  let renders = 0
  function Note() {
    renders++
    const [note, text] = useText('note')
    return (
      <input
        value={note}
        onChange={(event) => {
          text.clear()
          text.insert(0, event.target.value)
        }}
      />
    )
  }
  function Length() {
    return <p>{useText('note', (note) => note.length)[0]}</p>
  }
  const { room, container } = renderInRoom(
    <>
      <Note />
      <Length />
    </>,
  )
  const input = container.querySelector('input') as HTMLInputElement
  fireEvent.change(input, { target: { value: 'hello' } })
  expect(input.value).toBe('hello')
  expect(room.newText('note').toString()).toBe('hello')
  expect(container.textContent).toBe('5')
  const before = renders
  act(() => room.newText('note').format(0, 2, { bold: true }))
  expect(renders).toBe(before)
})

test('an input is right at once even if its key is the second one that a handler changes', () => {
  function Form() {
    const [edited] = useMap('form', (form) => form.edited)
    return <p>{edited}</p>
  }
  function Field() {
    const [title, form] = useMap('form', (f) => f.title ?? '')
    return (
      <input
        value={title}
        onChange={(event) => {
          form.set('edited', event.target.value)
          form.set('title', event.target.value)
        }}
      />
    )
  }
  const { container } = renderInRoom(
    <>
      <Form />
      <Field />
    </>,
  )
  const input = container.querySelector('input') as HTMLInputElement
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value') as PropertyDescriptor
  const written: string[] = []
  const spy = vi.spyOn(HTMLInputElement.prototype, 'value', 'set')
  spy.mockImplementation(function (this: HTMLInputElement, value: string) {
    written.push(value)
    set?.call(this, value)
  })
  for (const typed of ['a', 'ab']) {
    // As in a browser, the value is there before React hears of it. If React writes the old one back, the cursor moves.
    set?.call(input, typed)
    fireEvent.input(input)
    expect(input.value).toBe(typed)
  }
  spy.mockRestore()
  expect(written.filter((value) => value !== 'a' && value !== 'ab')).toEqual([])
})

test('a thousand changes in one turn make few snapshots and one more rendering', async () => {
  let renders = 0
  function Count() {
    renders++
    const [elements] = useList('list')
    return <p>{elements.length}</p>
  }
  const { room, container } = renderInRoom(<Count />)
  const list = room.newList<number>('list')
  const toArray = vi.spyOn(SyncedList.prototype, 'toArray')
  await act(async () => {
    for (let i = 0; i < 1000; i++) list.push(i)
  })
  expect(container.textContent).toBe('1000')
  expect(renders).toBeLessThanOrEqual(3)
  expect(toArray.mock.calls.length).toBeLessThanOrEqual(5)
  toArray.mockRestore()
})

test('a change between rendering and mounting is shown', () => {
  function Writer() {
    const [, list] = useList('list')
    return (
      <p
        ref={(element) => {
          if (element && list.length === 0) list.push('early')
        }}
      >
        {useList('list')[0].join()}
      </p>
    )
  }
  const { container } = renderInRoom(<Writer />)
  expect(container.textContent).toBe('early')
})

test('wrong arguments are told what is right', () => {
  const silent = vi.spyOn(console, 'error').mockImplementation(() => {})
  const failure = (Component: () => unknown) => {
    const Wrong = () => {
      Component()
      return null
    }
    try {
      renderInRoom(<Wrong />)
    } catch (error) {
      return error as SymphonyError
    }
    throw new Error('nothing was thrown')
  }
  const error = failure(() => useList(undefined as never))
  expect(error).toBeInstanceOf(SymphonyError)
  expect(error.message).toBe('useList takes the name of a top-level list or a SyncedList, not undefined')
  expect(failure(() => useMap(new SyncedList() as never)).message).toContain('not a SyncedList')
  expect(
    failure(() => {
      useMap('same')
      useList('same')
    }).message,
  ).toContain('names no other type')
  const outside = () => render(<Outside />)
  function Outside() {
    useList('todos')
    return null
  }
  expect(outside).toThrow('useList("todos"): wrap it in <RoomProvider id="...">')
  silent.mockRestore()
})

test('a selector that throws is shown to the error boundary, not to who changed the list', () => {
  const silent = vi.spyOn(console, 'error').mockImplementation(() => {})
  function Strict() {
    useList('list', (elements) => {
      if (elements.length > 0) throw new Error('too many')
    })
    return null
  }
  const { room } = renderInRoom(<Strict />)
  const list = room.newList('list')
  expect(() =>
    act(() => {
      expect(() => list.push(1)).not.toThrow()
    }),
  ).toThrow('too many')
  silent.mockRestore()
})
