import { SymphonyError, Synced, SyncedList, SyncedMap, SyncedText } from '@symphony-rtc/client'
import { useMemo } from 'react'
import { type Equal, shallow } from './equal.js'
import { missing, useOptionalRoomContext } from './providers.js'
import { isStandIn, standIn } from './server.js'
import { all, type Source, useSource } from './source.js'
import type { MapSnapshot, Plain } from './types.js'

/** How the content of a Synced type is read. */
interface Reader<V> {
  read(synced: any): V
  /** The newer value, or the older one if it is as good. */
  keep(older: V, newer: V): V
  deep: boolean
}

const same = <V>(older: V, newer: V): V => (shallow(older, newer) ? older : newer)
const flatList: Reader<readonly any[]> = { read: (list) => list.toArray(), keep: same, deep: false }
const flatMap: Reader<Record<string, any>> = {
  read: (map) => Object.fromEntries(map.entries()),
  keep: same,
  deep: false,
}
const text: Reader<string> = { read: String, keep: same, deep: false }
const deepContent: Reader<any> = { read: plainOf, keep: (_, newer) => newer, deep: true }
const plains = new WeakMap<Synced<any>, unknown>()

/** What a value is with everything nested in it as plain values. What did not change is the same object as before, wherever it is. */
function plainOf(value: any): any {
  if (!(value instanceof Synced)) return typeof value?.toJSON === 'function' ? value.toJSON() : value
  const older = plains.get(value)
  const newer =
    value instanceof SyncedList
      ? value.map(plainOf)
      : value instanceof SyncedMap
        ? Object.fromEntries([...value.entries()].map(([key, part]) => [key, plainOf(part)]))
        : value.toJSON()
  const plain = shallow(older, newer) ? older : newer
  plains.set(value, plain)
  return plain
}

/** Immutable snapshots of a Synced type, one for all components that show it, made when one is asked for after a change. */
class Content<V> implements Source<V> {
  readonly #synced: Synced<any>
  readonly #reader: Reader<V>
  readonly #listeners = new Set<() => void>()
  #snapshot: { value: V } | undefined
  #fresh = false
  #watching = false

  constructor(synced: Synced<any>, reader: Reader<V>) {
    this.#synced = synced
    this.#reader = reader
  }

  get(): V {
    if (!this.#fresh) {
      // Also if nobody subscribed yet: components that are rendered now will, and are to find one snapshot until then. If they
      // are never mounted, a note of each change is all that this costs.
      this.#watch()
      const value = this.#reader.read(this.#synced)
      this.#snapshot = { value: this.#snapshot ? this.#reader.keep(this.#snapshot.value, value) : value }
      this.#fresh = true
    }
    return (this.#snapshot as { value: V }).value
  }

  subscribe(changed: () => void): () => void {
    this.#watch()
    this.#listeners.add(changed)
    return () => {
      this.#listeners.delete(changed)
      if (this.#listeners.size === 0) this.#unwatch()
    }
  }

  readonly #changed = () => {
    this.#fresh = false
    for (const listener of [...this.#listeners]) listener()
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    const synced = this.#synced
    if (this.#reader.deep) synced.observeDeep(this.#changed)
    else synced.observe(this.#changed)
    // The room started over with another document.
    synced.rebound.add(this.#changed)
  }

  #unwatch(): void {
    this.#watching = false
    this.#fresh = false
    const synced = this.#synced
    if (this.#reader.deep) synced.unobserveDeep(this.#changed)
    else synced.unobserve(this.#changed)
    synced.rebound.delete(this.#changed)
  }
}

const contents = new WeakMap<Synced<any>, Map<Reader<any>, Content<any>>>()

function contentOf<V>(synced: Synced<any>, reader: Reader<V>): Content<V> {
  let known = contents.get(synced)
  if (!known) {
    known = new Map()
    contents.set(synced, known)
  }
  let content = known.get(reader)
  if (!content) {
    content = new Content(synced, reader)
    known.set(reader, content)
  }
  return content
}

/** How `useList` and `useMap` select. */
export interface SelectOptions<S> {
  /** Whether a newly selected value is so like the one before that nothing needs to be rendered. `Object.is` by default. */
  isEqual?: Equal<S>
  /** Whether the snapshot also contains, as plain values, what is nested in Synced types, and changes with it. */
  deep?: boolean
}

interface Kind {
  hook: string
  name: string
  Type: abstract new (...args: any[]) => Synced<any>
  open: 'newList' | 'newMap' | 'newText'
  flat: Reader<any>
  empty: unknown
}

const list: Kind = {
  hook: 'useList',
  name: 'list',
  Type: SyncedList,
  open: 'newList',
  flat: flatList,
  empty: Object.freeze([]),
}
const map: Kind = {
  hook: 'useMap',
  name: 'map',
  Type: SyncedMap,
  open: 'newMap',
  flat: flatMap,
  empty: Object.freeze({}),
}
const textKind: Kind = {
  hook: 'useText',
  name: 'text',
  Type: SyncedText,
  open: 'newText',
  flat: text,
  empty: '',
}

type Selector = (value: any) => any

function useContent(kind: Kind, from: unknown, second: unknown, third: unknown): [any, any] {
  const context = useOptionalRoomContext()
  const synced = useMemo(() => {
    if (from instanceof kind.Type || isStandIn(from)) return from
    if (typeof from !== 'string')
      throw new SymphonyError(
        'invalid-argument',
        `${kind.hook} takes the name of a top-level ${kind.name} or a ${kind.Type.name}, not ${described(from)}`,
      )
    if (!context) throw missing(`${kind.hook}(${JSON.stringify(from)})`, 'RoomProvider id="..."')
    return context.held ? context.held.room[kind.open](from) : standIn<Synced>(kind.name)
  }, [kind, from, context])

  const select = typeof second === 'function' ? (second as Selector) : all
  const given = typeof second === 'object' ? second : third
  const options = (typeof given === 'function' ? { isEqual: given } : (given ?? {})) as SelectOptions<unknown>
  const source = isStandIn(synced)
    ? undefined
    : contentOf(synced as Synced<any>, options.deep ? deepContent : kind.flat)
  return [useSource(source, kind.empty, select, options.isEqual), synced]
}

function described(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return `a ${value.constructor?.name ?? 'object'}`
}

/**
 * The elements of a list and the list itself, to change it: `const [todos, list] = useList<Todo>('todos')`. The elements are an
 * immutable array: the same one until the list changes. Nested Synced types in it are given to components of their own, or
 * shown as plain values with `{ deep: true }`. With a selector, the first value is what it makes of the array, and the
 * component renders again only if that changed.
 *
 * @param from the name of a top-level list of the room, or a list
 */
export function useList<T = any>(from: string | SyncedList<T>): [readonly T[], SyncedList<T>]
export function useList<T = any>(
  from: string | SyncedList<T>,
  options: { deep: true },
): [readonly Plain<T>[], SyncedList<T>]
export function useList<T = any, S = unknown>(
  from: string | SyncedList<T>,
  selector: (elements: readonly Plain<T>[]) => S,
  options: SelectOptions<NoInfer<S>> & { deep: true },
): [S, SyncedList<T>]
export function useList<T = any, S = unknown>(
  from: string | SyncedList<T>,
  selector: (elements: readonly T[]) => S,
  isEqual?: Equal<NoInfer<S>> | (SelectOptions<NoInfer<S>> & { deep?: false }),
): [S, SyncedList<T>]
export function useList(from: unknown, second?: unknown, third?: unknown): [any, any] {
  return useContent(list, from, second, third)
}

/**
 * The content of a map and the map itself, to change it: `const [settings, map] = useMap<Settings>('settings')`. The content is
 * an immutable plain object: the same one until the map changes. With a selector, the first value is what it makes of the
 * object, and the component renders again only if that changed: `useMap('settings', (s: MapSnapshot<Settings>) => s.theme)`.
 *
 * @param from the name of a top-level map of the room, or a map
 */
export function useMap<T = any>(from: string | SyncedMap<T>): [MapSnapshot<T>, SyncedMap<T>]
export function useMap<T = any>(
  from: string | SyncedMap<T>,
  options: { deep: true },
): [Plain<SyncedMap<T>>, SyncedMap<T>]
export function useMap<T = any, S = unknown>(
  from: string | SyncedMap<T>,
  selector: (content: Plain<SyncedMap<T>>) => S,
  options: SelectOptions<NoInfer<S>> & { deep: true },
): [S, SyncedMap<T>]
export function useMap<T = any, S = unknown>(
  from: string | SyncedMap<T>,
  selector: (content: MapSnapshot<T>) => S,
  isEqual?: Equal<NoInfer<S>> | (SelectOptions<NoInfer<S>> & { deep?: false }),
): [S, SyncedMap<T>]
export function useMap(from: unknown, second?: unknown, third?: unknown): [any, any] {
  return useContent(map, from, second, third)
}

/**
 * The characters of a text and the text itself, to change it: `const [note, text] = useText('note')`. With a selector, the first
 * value is what it makes of the string, and the component renders again only if that changed.
 *
 * @param from the name of a top-level text of the room, or a text
 */
export function useText(from: string | SyncedText): [string, SyncedText]
export function useText<S>(
  from: string | SyncedText,
  selector: (characters: string) => S,
  isEqual?: Equal<NoInfer<S>>,
): [S, SyncedText]
export function useText(from: unknown, second?: unknown, third?: unknown): [any, any] {
  return useContent(textKind, from, second, third)
}
