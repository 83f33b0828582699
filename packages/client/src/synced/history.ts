import * as Y from 'yjs'
import { reportError } from '../emitter.js'
import { SymphonyError } from '../errors.js'
import { repair } from './moves.js'
import { localOrigin, Synced } from './synced.js'

/**
 * Undo and redo of this client's changes; what others changed meanwhile stays.
 *
 * Each transaction is a step: each call of a Synced type, or all calls within one `room.bundle`.
 */
export class History {
  readonly #scope: Synced[] | Y.Doc
  readonly #captureTimeout: number
  readonly #origins: unknown[]
  readonly #listeners = new Set<() => void>()
  readonly #restart = (): void => {
    this.#manager.destroy()
    this.#manager = this.#start()
    this.#changed()
  }
  #manager: Y.UndoManager
  #merging = false
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
    if (!(captureTimeout >= 0))
      throw new SymphonyError(
        'invalid-argument',
        `newHistory(${captureTimeout}): the time must be 0 ms or more`,
      )
    this.#scope = scope instanceof Synced ? [scope] : scope
    if (Array.isArray(this.#scope) && !this.#scope.length)
      throw new SymphonyError('invalid-argument', 'new History([]): name at least one type')
    this.#captureTimeout = captureTimeout
    this.#origins = [localOrigin, null, ...trackedOrigins]
    this.#manager = this.#start()
    this.#state = this.#flags()
    if (Array.isArray(this.#scope)) for (const synced of this.#scope) synced.rebound.add(this.#restart)
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
    if (this.#merging) return
    this.#merging = true
    this.#manager.stopCapturing()
    this.#manager.captureTimeout = Number.POSITIVE_INFINITY
  }

  /** Ends what `mergeAll` began. */
  stopMergingAll(): void {
    if (!this.#merging) return
    this.#merging = false
    this.#manager.stopCapturing()
    this.#manager.captureTimeout = this.#captureTimeout
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
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Ends the history; what it kept for undoing is released. */
  destroy(): void {
    this.#manager.clear()
    this.#manager.destroy()
    this.#listeners.clear()
    if (Array.isArray(this.#scope)) for (const synced of this.#scope) synced.rebound.delete(this.#restart)
  }

  #start(): Y.UndoManager {
    const scope = this.#scope
    const doc = Array.isArray(scope) ? ((scope[0] as Synced).type.doc as Y.Doc) : scope
    // A transaction that is under way may be the one that brings the type itself into the document: not a step.
    const current = doc.transact((transaction) => transaction, localOrigin)
    const manager = new Y.UndoManager(
      Array.isArray(scope) ? scope.map((synced) => synced.type) : (scope as any),
      {
        doc,
        captureTimeout: this.#merging ? Number.POSITIVE_INFINITY : this.#captureTimeout,
        captureTransaction: (transaction) =>
          transaction.local && transaction !== current && transaction.changed.size > 0,
        trackedOrigins: new Set(this.#origins),
      },
    )
    for (const name of ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const)
      manager.on(name, () => this.#changed())
    manager.on('stack-item-popped', ({ changedParentTypes }) => {
      for (const [type, events] of changedParentTypes)
        for (const event of events) if (event.target === type) repairAll(type, event)
    })
    return manager
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
    for (const fn of [...this.#listeners]) {
      try {
        fn()
      } catch (error) {
        reportError(error)
      }
    }
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
