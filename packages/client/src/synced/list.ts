import type * as Y from 'yjs'
import { atHome, move, remove, replace, type Slot, slotsOf } from './moves.js'
import { localOrigin, Synced, scratch } from './synced.js'
import { checkIndex, hollow, prepare, refill } from './value.js'
import { plain, read } from './wrap.js'

/** What a list shows between two changes. */
interface View<T> {
  values: T[]
  /** Where the elements are in the Y.Array; undefined if nothing was moved. */
  slots: Slot[] | undefined
}

/**
 * A list that several people change together, used like a JavaScript Array.
 *
 * Plain objects that are read are those in the document: do not change them, but `set` a changed copy. Observers get events
 * of Yjs; where elements were moved, their indices are those of the Y.Array beneath (see moves.ts).
 */
export class SyncedList<T = any> extends Synced<Y.Array<any>> {
  #view: View<T> | undefined
  /** Whether elements were moved; undefined if that is not known. Once true it stays so. */
  #moved: boolean | undefined
  #known = new WeakMap<object, unknown>()

  /** @param type a list in a document; without one, the new list can be nested in another type */
  constructor(type: Y.Array<any> = scratch().getArray('')) {
    super(type)
  }

  /** How many elements there are. */
  get length(): number {
    return this.#isMoved() ? this.#values.length : this.type.length
  }

  /** The element at an index, or undefined. What was stored as a Synced type is read as one. */
  get(index: number): T | undefined {
    if (this.#moved === false && !this.#view) return index >= 0 ? read(this.type.get(index)) : undefined
    return this.#values[index]
  }

  /**
   * Replaces the element at an index by a plain value, which is copied, or a Synced type that is not nested yet.
   *
   * @throws SymphonyError `unsupported-value`, `too-large` or `invalid-argument`; then nothing was changed
   */
  set(index: number, value: T): this {
    const call = `list.set(${index}, …)`
    checkIndex(call, index, this.length - 1, '; push() appends')
    const store = prepare(this, call, [value])
    const slot = this.#slots()?.[index] ?? atHome(value, index)
    store((values) => replace(this.type, [slot.home, ...slot.markers], slot.at, values))
    return this
  }

  /**
   * Inserts elements before the one at an index, or at the end if the index is the length.
   *
   * @throws SymphonyError `unsupported-value`, `too-large` or `invalid-argument`; then nothing was changed
   */
  insert(index: number, ...elements: T[]): void {
    this.#insert(`list.insert(${index}, …)`, index, elements)
  }

  /** Appends elements. Returns the new length. Throws as `insert` does. */
  push(...elements: T[]): number {
    const store = prepare(this, 'list.push(…)', elements)
    store((values) => this.type.push(values))
    return this.length
  }

  /** Inserts elements at the beginning. Returns the new length. Throws as `insert` does. */
  unshift(...elements: T[]): number {
    this.#insert('list.unshift(…)', 0, elements)
    return this.length
  }

  /** Deletes `count` elements from an index on, or as many as there are. */
  delete(index: number, count = 1): void {
    const call = `list.delete(${index}, ${count})`
    checkIndex(call, index, this.length)
    checkIndex(call, count)
    const length = Math.min(count, this.length - index)
    if (!length) return
    const slots = this.#slots()
    this.change(() => {
      if (slots) {
        const gone = slots.slice(index, index + length)
        remove(
          this.type,
          gone.flatMap((slot) => [slot.home, ...slot.markers]),
        )
      } else this.type.delete(index, length)
    })
  }

  /** Deletes all elements. */
  clear(): void {
    if (!this.type.length) return
    this.change(() => this.type.delete(0, this.type.length))
  }

  /**
   * Moves the element at `from` so that its index is `to`. It stays the same element: a nested type keeps its identity,
   * and if several people move it at the same time, it ends up in one of the places.
   */
  move(from: number, to: number): void {
    const call = `list.move(${from}, ${to})`
    checkIndex(call, from, this.length - 1)
    checkIndex(call, to, this.length - 1)
    if (from === to) return
    const slots = this.#slots() ?? this.type.toArray().map(atHome)
    const slot = slots[from] as Slot
    const before = slots[to < from ? to : to + 1]?.at ?? this.type.length
    this.change(() => {
      this.#moved = true
      move(this.type, slot, before)
    })
  }

  /** The elements from `start` to before `end`, as of an Array. */
  slice(start?: number, end?: number): T[] {
    return this.#values.slice(start, end)
  }

  /** The index of the first element that is identical to `element`, or -1. */
  indexOf(element: T, fromIndex = 0): number {
    return this.#values.indexOf(element, fromIndex)
  }

  /** The index of the last element that is identical to `element`, or -1. */
  lastIndexOf(element: T, fromIndex = this.length): number {
    return this.#values.lastIndexOf(element, fromIndex)
  }

  /** The first element for which `fn` returns true, or undefined. */
  find(fn: (value: T, index: number) => unknown): T | undefined {
    return this.#values.find((value, index) => fn(value, index))
  }

  /** The elements for which `fn` returns true. */
  filter(fn: (value: T, index: number) => unknown): T[] {
    return this.#values.filter((value, index) => fn(value, index))
  }

  /** What `fn` returns for each element. */
  map<R>(fn: (value: T, index: number) => R): R[] {
    return this.#values.map((value, index) => fn(value, index))
  }

  /** Whether `fn` returns true for an element. */
  some(fn: (value: T, index: number) => unknown): boolean {
    return this.#values.some((value, index) => fn(value, index))
  }

  /** Whether `fn` returns true for all elements. */
  every(fn: (value: T, index: number) => unknown): boolean {
    return this.#values.every((value, index) => fn(value, index))
  }

  /** Calls `fn` with each element. What it changes does not change what is iterated. */
  forEach(fn: (value: T, index: number) => void): void {
    this.#values.forEach((value, index) => {
      fn(value, index)
    })
  }

  /** The elements as of now, to iterate. */
  values(): IterableIterator<T> {
    return this.#values.values()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.values()
  }

  /** The elements in a new Array. */
  toArray(): T[] {
    return this.slice()
  }

  toJSON(): any[] {
    return this.map(plain)
  }

  copy(): SyncedList<T> {
    const copy = new SyncedList<any>()
    copy.push(...this.map((value) => (value instanceof Synced ? value.copy() : value)))
    return copy
  }

  /** @internal */
  fill(from: Y.Array<any>): void {
    const values = slotsOf(from)?.map((slot) => slot.value) ?? from.toArray()
    const stored = values.map(hollow)
    this.type.push(stored)
    values.forEach((value, index) => {
      refill(value, stored[index])
    })
  }

  /** @internal */
  override invalidate(transaction?: Y.Transaction): void {
    this.#view = undefined
    if (!transaction || transaction.origin === localOrigin) return
    // What was not done by this class may have brought a first move, or, as an undo, elements under new ids.
    this.#moved ||= undefined
    if (transaction.local) this.#known = new WeakMap()
  }

  #insert(call: string, index: number, elements: T[]): void {
    checkIndex(call, index, this.length)
    const store = prepare(this, call, elements)
    const at = this.#slots()?.[index]?.at ?? (index < this.length ? index : this.type.length)
    store((values) => this.type.insert(at, values))
  }

  get #values(): T[] {
    return this.#read().values
  }

  #isMoved(): boolean {
    if (this.#moved === undefined) this.#read()
    return this.#moved as boolean
  }

  #slots(): Slot[] | undefined {
    return this.#isMoved() ? this.#read().slots : undefined
  }

  #read(): View<T> {
    if (this.#view && !this.unsettled) return this.#view
    const slots = this.#moved === false && this.unsettled ? undefined : slotsOf(this.type, this.#known)
    const values = slots ? slots.map((slot) => read(slot.value)) : this.type.toArray().map(read)
    this.#moved ||= slots !== undefined
    const view = { values, slots }
    // In a transaction, others' code may change the Yjs type without our knowing, so that nothing is kept.
    if (!this.unsettled) this.#view = view
    return view
  }
}
