import type * as Y from 'yjs'
import { Synced, scratch } from './synced.js'
import { checkString, hollow, prepare, refill } from './value.js'
import { plain, read } from './wrap.js'

/** What is a value of a map by itself, not a description of its keys. */
type Value =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | Uint8Array
  | readonly unknown[]
  | Synced<any>

/**
 * The keys of a `SyncedMap<T>` and their types. With an object type, `T` says the type of each key, as
 * `SyncedMap<{ title: string; done: boolean }>`; with any other type, every key has a value of type `T`.
 * For a map whose values are all plain objects, write `SyncedMap<Record<string, Point>>`.
 */
export type Fields<T> = 0 extends 1 & T ? Record<string, any> : [T] extends [Value] ? Record<string, T> : T

/** The keys of a `SyncedMap<T>`. */
export type Keys<T> = keyof Fields<T> & string

/** The values of a `SyncedMap<T>`. */
export type Values<T> = Fields<T>[Keys<T>]

/**
 * A map that several people change together, used like a JavaScript Map with strings as keys. If two set one key at the
 * same time, one of the values stays, the same one everywhere.
 *
 * Plain objects that are read are those in the document: do not change them, but `set` a changed copy.
 */
export class SyncedMap<T = any> extends Synced<Y.Map<any>> {
  /** @param type a map in a document; without one, the new map can be nested in another type */
  constructor(type: Y.Map<any> = scratch().getMap('')) {
    super(type)
  }

  /** The value of a key, or undefined. What was stored as a Synced type is read as one. */
  get<K extends Keys<T>>(key: K): Fields<T>[K] | undefined {
    return read(this.type.get(key))
  }

  /**
   * Sets the value of a key: a plain value, which is copied, or a Synced type that is not nested yet.
   *
   * @throws SymphonyError `unsupported-value`, `too-large` or `invalid-argument`; then nothing was changed
   */
  set<K extends Keys<T>>(key: K, value: Fields<T>[K]): this {
    checkString(this, 'map.set(key, …)', key)
    prepare(this, `map.set(${JSON.stringify(key)}, …)`, [value])(([stored]) => this.type.set(key, stored))
    return this
  }

  /** Whether there is a key, whatever its value is. */
  has(key: string): boolean {
    return this.type.has(key)
  }

  /** Removes a key. Returns whether it was there. */
  delete(key: Keys<T>): boolean {
    const had = this.type.has(key)
    if (had) this.change(() => this.type.delete(key))
    return had
  }

  /** Removes all keys. */
  clear(): void {
    this.change(() => {
      for (const key of [...this.type.keys()]) this.type.delete(key)
    })
  }

  /** How many keys there are. */
  size(): number {
    return this.type.size
  }

  /** The keys. */
  keys(): IterableIterator<Keys<T>> {
    return this.type.keys() as IterableIterator<Keys<T>>
  }

  /** The values. */
  *values(): IterableIterator<Values<T>> {
    for (const [, value] of this.entries()) yield value
  }

  /** The pairs of key and value. */
  *entries(): IterableIterator<[Keys<T>, Values<T>]> {
    for (const [key, value] of this.type.entries()) yield [key as Keys<T>, read(value)]
  }

  [Symbol.iterator](): IterableIterator<[Keys<T>, Values<T>]> {
    return this.entries()
  }

  /** Calls `fn` with each value and its key. */
  forEach(fn: (value: Values<T>, key: Keys<T>) => void): void {
    for (const [key, value] of this.entries()) fn(value, key)
  }

  copy(): SyncedMap<T> {
    const copy = new SyncedMap<any>()
    copy.change(() => {
      for (const [key, value] of this.entries())
        copy.set(key, (value as unknown) instanceof Synced ? (value as Synced).copy() : value)
    })
    return copy
  }

  toJSON(): { [K in Keys<T>]?: any } {
    const entries = [...this.entries()].map(([key, value]) => [key, plain(value)])
    return Object.fromEntries(entries)
  }

  /** @internal */
  fill(from: Y.Map<any>): void {
    for (const [key, value] of from.entries()) {
      const stored = hollow(value)
      this.type.set(key, stored)
      refill(value, stored)
    }
  }
}
