import { Emitter } from '../emitter.js'
import { invalid } from '../errors.js'
import { Y } from '../yjs.js'
import { repair } from './moves.js'
import { localOrigin, type Synced } from './synced.js'

/**
 * Undo and redo of this client's changes; what others changed meanwhile stays.
 *
 * Each transaction is a step: each call of a Synced type, or all calls within one `room.bundle`.
 */
export class History {
  /** The types it is of, or the document. */
  readonly #scope: (Synced<any> | Y.Doc)[]
  readonly #captureTimeout: number
  readonly #origins: unknown[]
  readonly #events = new Emitter<{ change: [] }>()
  readonly #restart = (): void => {
    this.#manager.destroy()
    this.#manager = this.#start()
    this.#changed()
  }
  #manager: Y.UndoManager
  /** The capture timeout of now: endless while all is merged. */
  #timeout: number
  #state = ''

  /**
   * @param scope what it is of: a Synced type and all that is nested in it, several of one document, or a whole document
   * @param captureTimeout changes that follow one another within so many ms are one step; with 0 each is its own
   * @param trackedOrigins origins of further transactions that count as this client's, as those of editor bindings. Those
   *   of Synced types and those without an origin always do.
   */
  constructor(
    scope: Synced<any> | Synced<any>[] | Y.Doc,
    captureTimeout = 0,
    trackedOrigins: Iterable<unknown> = [],
  ) {
    if (!(captureTimeout >= 0)) invalid(`newHistory(${captureTimeout}): give 0 ms or more`)
    this.#scope = [scope].flat()
    if (!this.#scope.length) invalid('new History([]): give a type')
    this.#captureTimeout = this.#timeout = captureTimeout
    this.#origins = [localOrigin, null, ...trackedOrigins]
    this.#manager = this.#start()
    this.#changed()
    for (const synced of this.#scope) (synced as Synced).rebound?.add(this.#restart)
  }

  /** Undoes the last step. Returns whether there was one. */
  undo(): boolean {
    return this.#pop('undo')
  }

  /** Does the last step again that was undone. Returns whether there was one. */
  redo(): boolean {
    return this.#pop('redo')
  }

  /** Whether there is a step to undo. */
  canUndo(): boolean {
    return this.#manager.canUndo()
  }

  /** Whether there is a step to redo. */
  canRedo(): boolean {
    return this.#manager.canRedo()
  }

  /** Forgets all steps. */
  clear(): void {
    this.#manager.clear()
  }

  /** The next change begins a new step, even if it comes within the capture timeout. */
  stopCaptureTimeout(): void {
    this.#manager.stopCapturing()
  }

  /** From now on until `stopMergingAll`, all changes are one step, however long it takes. */
  mergeAll(): void {
    // In ms, longer than anything lasts.
    this.#capture(1e15)
  }

  /** Ends what `mergeAll` began. */
  stopMergingAll(): void {
    this.#capture(this.#captureTimeout)
  }

  /** The same as `mergeAll`. */
  pause(): void {
    this.mergeAll()
  }

  /** The same as `stopMergingAll`. */
  resume(): void {
    this.stopMergingAll()
  }

  /** Calls `fn` whenever `canUndo()` or `canRedo()` changed. Returns a function that stops it. */
  subscribe(fn: () => void): () => void {
    return this.#events.on('change', fn)
  }

  /** Ends the history; what it kept for undoing is released. */
  destroy(): void {
    this.#manager.clear()
    this.#manager.destroy()
    this.#events.clear()
    for (const synced of this.#scope) (synced as Synced).rebound?.delete(this.#restart)
  }

  #start(): Y.UndoManager {
    const scope: any[] = this.#scope.map((one) => (one instanceof Y.Doc ? one : one.type))
    const doc: Y.Doc = scope[0].doc ?? scope[0]
    // A transaction that is under way may be the one that brings the type itself into the document: not a step.
    const current = doc.transact((transaction) => transaction, localOrigin)
    const manager = new Y.UndoManager(scope, {
      doc,
      captureTimeout: this.#timeout,
      captureTransaction: (transaction) =>
        transaction.local && transaction !== current && transaction.changed.size > 0,
      trackedOrigins: new Set(this.#origins),
    })
    const changed = () => this.#changed()
    manager.on('stack-item-added', changed)
    manager.on('stack-cleared', changed)
    manager.on('stack-item-popped', ({ changedParentTypes }) => {
      for (const [type, events] of changedParentTypes)
        for (const event of events) if (event.target === type) repairAll(type, event)
      changed()
    })
    return manager
  }

  #capture(timeout: number): void {
    if (this.#timeout === timeout) return
    this.#manager.stopCapturing()
    this.#manager.captureTimeout = this.#timeout = timeout
  }

  #pop(way: 'undo' | 'redo'): boolean {
    const done = this.#manager[way]() !== null
    this.#changed()
    return done
  }

  #flags(): string {
    return `${this.canUndo()} ${this.canRedo()}`
  }

  #changed(): void {
    const state = this.#flags()
    if (state === this.#state) return
    this.#state = state
    this.#events.emit('change')
  }
}

/** Repairs the lists that an undo or redo changed, and those that it brought back, which Yjs does not tell of. */
function repairAll(type: Y.AbstractType<any>, event?: Y.YEvent<any>): void {
  if (type instanceof Y.Array) {
    repair(type)
    type.forEach(repairNested)
  } else if (type instanceof Y.Map) {
    const keys = event instanceof Y.YMapEvent ? event.keysChanged : type.keys()
    for (const key of keys) repairNested(type.get(key))
  }
}

function repairNested(value: unknown): void {
  if (value instanceof Y.AbstractType) repairAll(value)
}
