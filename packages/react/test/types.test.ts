// Checked by the compiler (`tsc -p packages/react`); what runs here is that the typed hooks are the untyped ones.
import type { Room, SyncedList, SyncedMap, SyncedText, User } from '@symphony-rtc/client'
import { expect, expectTypeOf, test } from 'vitest'
import * as hooks from '../src/index.js'
import {
  createRoomHooks,
  type MapSnapshot,
  type Plain,
  useList,
  useMap,
  useOthers,
  useText,
} from '../src/index.js'

interface Todo {
  text: string
  done: boolean
}
interface Settings {
  theme: 'light' | 'dark'
  size: number
}
type Shape = SyncedMap<{ name: string; points: SyncedList<number>; label: SyncedText }>
type Rooms = {
  presence: { name: string; cursor?: { x: number; y: number } }
  content: {
    todos: SyncedList<Todo>
    settings: SyncedMap<Settings>
    shapes: SyncedMap<Record<string, Shape>>
    note: SyncedText
  }
  event: { type: 'ping' } | { type: 'pong'; at: number }
}

const typed = createRoomHooks<Rooms>()

test('the typed hooks are the others', () => {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: all of them are compared
  for (const name of Object.keys(typed) as (keyof typeof typed)[]) expect(typed[name]).toBe(hooks[name])
})

// Never called: it is the types that count.
export function useUntyped(list: SyncedList<Todo>, map: SyncedMap<Settings>, shape: Shape) {
  expectTypeOf(useList<Todo>('todos')).toEqualTypeOf<[readonly Todo[], SyncedList<Todo>]>()
  expectTypeOf(useList(list)).toEqualTypeOf<[readonly Todo[], SyncedList<Todo>]>()
  expectTypeOf(useList(list, (todos) => todos.length)[0]).toEqualTypeOf<number>()
  expectTypeOf(useList('todos', (todos: readonly Todo[]) => todos.map((t) => t.text))[0]).toEqualTypeOf<
    string[]
  >()
  expectTypeOf(useList('todos')[0]).toEqualTypeOf<readonly any[]>()
  expectTypeOf(useList('todos', (todos) => todos.length)[0]).toEqualTypeOf<number>()
  expectTypeOf(useMap(map)[0]).toEqualTypeOf<{ readonly theme?: 'light' | 'dark'; readonly size?: number }>()
  expectTypeOf(useMap(map, (m) => m.theme ?? 'light')[0]).toEqualTypeOf<'light' | 'dark'>()
  expectTypeOf(useMap<Settings>('settings')[1]).toEqualTypeOf<SyncedMap<Settings>>()
  expectTypeOf(useMap<number>('counts')[0]).toEqualTypeOf<{ readonly [key: string]: number }>()
  expectTypeOf(useMap('settings', (m: MapSnapshot<Settings>) => m.size)[0]).toEqualTypeOf<
    number | undefined
  >()
  expectTypeOf(useMap(shape, { deep: true })[0]).toEqualTypeOf<Plain<Shape>>()
  expectTypeOf(useMap(shape, (s) => s.points, { deep: true })[0]).toEqualTypeOf<
    readonly number[] | undefined
  >()
  expectTypeOf(useMap(shape, (s) => s.points)[0]).toEqualTypeOf<SyncedList<number> | undefined>()
  expectTypeOf(useText('note')[0]).toEqualTypeOf<string>()
  expectTypeOf(useText('note', (t) => t.length > 0)[0]).toEqualTypeOf<boolean>()
  expectTypeOf(useOthers((others) => others.length)).toEqualTypeOf<number>()
  // @ts-expect-error a list is no map
  useMap(list)
  // @ts-expect-error there is no such key
  useMap(map, (m) => m.colour)
}

export function useTyped(shape: Shape) {
  expectTypeOf(typed.useList('todos')).toEqualTypeOf<[readonly Todo[], SyncedList<Todo>]>()
  expectTypeOf(typed.useList('todos', (todos) => todos.length)[0]).toEqualTypeOf<number>()
  expectTypeOf(typed.useMap('settings', (s) => s.theme)[0]).toEqualTypeOf<'light' | 'dark' | undefined>()
  expectTypeOf(typed.useMap('shapes')[0]).toEqualTypeOf<{ readonly [key: string]: Shape }>()
  expectTypeOf(typed.useMap('shapes', { deep: true })[0]).toEqualTypeOf<{
    readonly [key: string]: {
      readonly name?: string
      readonly points?: readonly number[]
      readonly label?: string
    }
  }>()
  expectTypeOf(
    typed.useMap('shapes', (s) => Object.values(s).map((x) => x.name), { deep: true })[0],
  ).toEqualTypeOf<(string | undefined)[]>()
  expectTypeOf(typed.useMap(shape, (s) => s.name)[0]).toEqualTypeOf<string | undefined>()
  expectTypeOf(typed.useText('note')).toEqualTypeOf<[string, SyncedText]>()
  expectTypeOf(typed.useText('note', (note) => note.length)[0]).toEqualTypeOf<number>()
  expectTypeOf(typed.useOthers()).toEqualTypeOf<readonly User<Rooms['presence']>[]>()
  expectTypeOf(typed.useOthers((others) => others.map((o) => o.presence.cursor?.x))).toEqualTypeOf<
    (number | undefined)[]
  >()
  const [name, update] = typed.usePresence((presence) => presence.name)
  expectTypeOf(name).toEqualTypeOf<string>()
  update({ cursor: { x: 1, y: 2 } })
  expectTypeOf(typed.useRoom()).toEqualTypeOf<Room<Rooms['presence']>>()
  typed.useBroadcast()({ type: 'pong', at: 1 })
  typed.useEvent((event) => expectTypeOf(event).toEqualTypeOf<Rooms['event']>())
  // @ts-expect-error there is no such list
  typed.useList('todo')
  // @ts-expect-error that is a map
  typed.useList('settings')
  // @ts-expect-error there is no such property
  update({ colour: 'red' })
  // @ts-expect-error there is no such event
  typed.useBroadcast()({ type: 'bang' })
}
