import { describe, expectTypeOf, it } from 'vitest'
import * as Y from 'yjs'
import { newNestedMap, SyncedList, SyncedMap, type SyncedText } from '../../src/synced/index.js'

// What is said about types here is checked by tsc; the test runner only runs it.
interface Todo {
  title: string
  done: boolean
  tags?: SyncedList<string>
}

const mapOf = <T>() => new SyncedMap<T>(new Y.Doc().getMap('map'))

describe('types', () => {
  it('of a map with a shape', () => {
    const map = mapOf<Todo>()
    map.set('title', 'x').set('done', true)
    expectTypeOf(map.get('title')).toEqualTypeOf<string | undefined>()
    expectTypeOf(map.get('done')).toEqualTypeOf<boolean | undefined>()
    expectTypeOf(map.get('tags')).toEqualTypeOf<SyncedList<string> | undefined>()
    expectTypeOf(map.toJSON()).toHaveProperty('title')
    // @ts-expect-error a title is a string
    map.set('title', 1)
    // @ts-expect-error there is no such key
    map.get('titel')
    for (const [key] of map) expectTypeOf(key).toEqualTypeOf<keyof Todo>()
  })

  it('of a map with one type of value', () => {
    const map = mapOf<number>()
    map.set('any key', 1)
    expectTypeOf(map.get('any key')).toEqualTypeOf<number | undefined>()
    expectTypeOf(mapOf<SyncedMap<Todo>>().get('a')).toEqualTypeOf<SyncedMap<Todo> | undefined>()
    expectTypeOf(mapOf<Record<string, Todo>>().get('a')).toEqualTypeOf<Todo | undefined>()
    expectTypeOf(mapOf<'a' | null>().get('a')).toEqualTypeOf<'a' | null | undefined>()
    expectTypeOf(mapOf<SyncedText>().get('a')).toEqualTypeOf<SyncedText | undefined>()
  })

  it('of what is not typed', () => {
    const map = new SyncedMap(new Y.Doc().getMap('map'))
    map.set('key', { anything: 1 })
    expectTypeOf(map.get('key')).toBeAny()
    expectTypeOf(newNestedMap().get('key')).toBeAny()
    expectTypeOf(new SyncedList().get(0)).toBeAny()
  })

  it('of a list', () => {
    const list = new SyncedList<SyncedMap<Todo>>(new Y.Doc().getArray('list'))
    list.push(newNestedMap<Todo>().set('title', 'x'))
    expectTypeOf(list.get(0)).toEqualTypeOf<SyncedMap<Todo> | undefined>()
    expectTypeOf(list.map((todo, index) => [todo.get('title'), index])).toEqualTypeOf<
      (string | number | undefined)[][]
    >()
    // @ts-expect-error not an element of this list
    list.push('x')
  })
})
