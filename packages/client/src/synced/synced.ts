import { Y } from '../yjs.js'
import { History } from './history.js'

/** The origin of transactions that change a document through a Synced type; see `transaction.origin` in Yjs. */
export const localOrigin = Symbol('symphony')

type AnyType = Y.AbstractType<any>
type Observer = (event: any, transaction: Y.Transaction) => void
type DeepObserver = (events: Y.YEvent<any>[], transaction: Y.Transaction) => void

/** The Synced type of each Yjs type that has one. */
export const wrappers = new WeakMap<AnyType, Synced>()
/** Transactions of a document whose observers were not called yet; usually none or one. */
const pending = new WeakMap<Y.Doc, Set<Y.Transaction>>()

/** What maps, lists and texts have in common: a Yjs type beneath, observers and a history. */
export abstract class Synced<T extends AnyType = AnyType> {
  #type: T
  #observers = new Set<Observer>()
  #deepObservers = new Set<DeepObserver>()

  /** For History: called after the Synced type was bound to another Yjs type. */
  readonly rebound = new Set<() => void>()

  protected constructor(type: T) {
    this.#type = type
    wrappers.set(type, this)
    watch(docOf(this))
  }

  /**
   * The Yjs type beneath, for editor bindings. A type made with `newNestedMap` and the like lives in a document of its own
   * until it is nested; then it is another one.
   */
  get type(): T {
    return this.#type
  }

  /** Calls `fn` with a Yjs event after each transaction that changed this type itself, here or elsewhere. */
  observe(fn: (event: any, transaction: Y.Transaction) => void): void {
    if (this.#observers.has(fn)) return
    this.#observers.add(fn)
    this.#type.observe(fn)
  }

  /** Stops what `observe` began. */
  unobserve(fn: (event: any, transaction: Y.Transaction) => void): void {
    if (this.#observers.delete(fn)) this.#type.unobserve(fn)
  }

  /** Calls `fn` with Yjs events after each transaction that changed this type or anything nested in it. */
  observeDeep(fn: (events: Y.YEvent<any>[], transaction: Y.Transaction) => void): void {
    if (this.#deepObservers.has(fn)) return
    this.#deepObservers.add(fn)
    this.#type.observeDeep(fn)
  }

  /** Stops what `observeDeep` began. */
  unobserveDeep(fn: (events: Y.YEvent<any>[], transaction: Y.Transaction) => void): void {
    if (this.#deepObservers.delete(fn)) this.#type.unobserveDeep(fn)
  }

  /**
   * Undo and redo of this client's changes to this type and what is nested in it.
   *
   * @param captureTimeout changes that follow one another within so many ms are one step; with 0 each is its own
   */
  newHistory(captureTimeout?: number): History {
    return new History(this, captureTimeout)
  }

  /** The content as plain JavaScript values. What is stored as a plain value is not copied: do not change it. */
  abstract toJSON(): unknown

  /** A copy with the same content, nested types copied too, that can be nested elsewhere. */
  abstract copy(): Synced

  /** @internal Copies the content from the Yjs type it was in to the empty one it is in now; see `nest`. */
  abstract fill(from: T): void

  /** @internal Forgets what was read before a change. */
  invalidate(_transaction?: Y.Transaction): void {}

  /** For the parts of this package: changes the document in one transaction of our origin. */
  change(fn: () => void): void {
    this.invalidate()
    docOf(this).transact(fn, localOrigin)
  }

  /** Whether what was read before may be out of date because a transaction that is under way changed it. */
  protected get unsettled(): boolean {
    return !!pending.get(docOf(this))?.size
  }

  /**
   * @internal Binds it to another Yjs type of the same kind, with its observers and histories: what a top-level one needs
   * when its room starts over with a new document.
   */
  rebind(type: T): void {
    const old = this.#type
    for (const fn of this.#observers) old.unobserve(fn)
    for (const fn of this.#deepObservers) old.unobserveDeep(fn)
    if (wrappers.get(old) === this) wrappers.delete(old)
    this.#type = type
    wrappers.set(type, this)
    this.invalidate()
    for (const fn of this.#observers) type.observe(fn)
    for (const fn of this.#deepObservers) type.observeDeep(fn)
    watch(docOf(this))
    for (const fn of [...this.rebound]) fn()
  }
}

/** Moves a Synced type that was not nested before, with its content, into an empty Yjs type in a document. */
export function nest(synced: Synced, type: AnyType): void {
  const from = synced.type
  synced.rebind(type)
  synced.fill(from)
}

/** The document a Synced type is in. */
export function docOf(synced: Synced): Y.Doc {
  return synced.type.doc as Y.Doc
}

/** A document for one type that is not nested yet, so that it can be filled, read and observed as any other. */
export function scratch(): Y.Doc {
  // The empty guid tells it from others; a random one would be most of the cost.
  return new Y.Doc({ guid: '' })
}

/** Whether a Synced type is not in a document of a room, nor nested in anything. */
export function isUnattached(synced: Synced): boolean {
  return !docOf(synced).guid && !synced.type.parent
}

/** Keeps the caches of a document's wrappers true: they are told of changes before any observer can read them. */
function watch(doc: Y.Doc): void {
  if (pending.has(doc)) return
  const open = new Set<Y.Transaction>()
  pending.set(doc, open)
  doc.on('beforeTransaction', (transaction: Y.Transaction) => open.add(transaction))
  doc.on('beforeObserverCalls', (transaction: Y.Transaction) => {
    open.delete(transaction)
    for (const type of transaction.changed.keys()) {
      wrappers.get(type)?.invalidate(transaction)
    }
  })
}
