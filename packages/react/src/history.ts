import { type History, type Room, Synced } from '@symphony-rtc/client'
import { useRoomContext } from './providers.js'
import { isStandIn } from './server.js'
import { all, type Source, useSource } from './source.js'

/** What `useHistory` returns. The functions are always the same ones for the same history. */
export interface HistoryControls {
  readonly canUndo: boolean
  readonly canRedo: boolean
  /** Undoes this client's last step. Returns whether there was one. */
  undo(): boolean
  /** Does the step again that was undone last. Returns whether there was one. */
  redo(): boolean
  /** Forgets all steps. */
  clear(): void
  /** From now on until `resume`, all changes are one step: while something is dragged, say. */
  pause(): void
  resume(): void
}

/** How a history records. */
export interface HistoryOptions {
  /** Changes that follow one another within so many ms are one step. 0 by default: each bundle is its own. */
  captureTimeout?: number
}

const nothing: HistoryControls = Object.freeze({
  canUndo: false,
  canRedo: false,
  undo: () => false,
  redo: () => false,
  clear() {},
  pause() {},
  resume() {},
})

/** A history that all components which ask for the same scope share. It exists while one of them is mounted. */
class SharedHistory implements Source<HistoryControls> {
  readonly #listeners = new Set<() => void>()
  #history: History | undefined
  #stop: (() => void) | undefined
  #controls: HistoryControls

  constructor(
    readonly room: Room<any>,
    readonly scope: readonly Synced<any>[],
    readonly captureTimeout: number,
  ) {
    this.#controls = {
      canUndo: false,
      canRedo: false,
      undo: () => this.#history?.undo() ?? false,
      redo: () => this.#history?.redo() ?? false,
      clear: () => this.#history?.clear(),
      pause: () => this.#history?.pause(),
      resume: () => this.#history?.resume(),
    }
  }

  is(scope: readonly Synced<any>[], captureTimeout: number): boolean {
    return (
      captureTimeout === this.captureTimeout &&
      scope.length === this.scope.length &&
      scope.every((synced, i) => synced === this.scope[i])
    )
  }

  get(): HistoryControls {
    return this.#controls
  }

  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed)
    if (!this.#history) this.#begin()
    return () => {
      this.#listeners.delete(changed)
      // Not at once: StrictMode subscribes again within this turn of the event loop.
      setTimeout(() => {
        if (this.#listeners.size === 0) this.#end()
      })
    }
  }

  #begin(): void {
    const known = knownOf(this.room)
    if (!known.includes(this)) known.push(this)
    const whole = this.scope.length === 0
    const history = this.room.newHistory(this.captureTimeout, whole ? undefined : [...this.scope])
    const stops = [history.subscribe(() => this.#look())]
    // A history of types moves to the new document with them; one of a document ends with it.
    if (whole)
      stops.push(
        this.room.on('reset', () => {
          this.#end()
          this.#begin()
        }),
      )
    this.#history = history
    this.#stop = () => {
      for (const stop of stops) stop()
      history.destroy()
    }
    this.#look()
  }

  #end(): void {
    const known = knownOf(this.room)
    if (known.includes(this)) known.splice(known.indexOf(this), 1)
    this.#stop?.()
    this.#stop = undefined
    this.#history = undefined
    this.#look()
  }

  #look(): void {
    const canUndo = this.#history?.canUndo() ?? false
    const canRedo = this.#history?.canRedo() ?? false
    if (canUndo === this.#controls.canUndo && canRedo === this.#controls.canRedo) return
    this.#controls = { ...this.#controls, canUndo, canRedo }
    for (const listener of [...this.#listeners]) listener()
  }
}

const histories = new WeakMap<Room<any>, SharedHistory[]>()

function knownOf(room: Room<any>): SharedHistory[] {
  let known = histories.get(room)
  if (!known) {
    known = []
    histories.set(room, known)
  }
  return known
}

function historyOf(room: Room<any>, scope: readonly Synced<any>[], captureTimeout: number): SharedHistory {
  const known = knownOf(room)
  let history = known.find((one) => one.is(scope, captureTimeout))
  if (!history) {
    history = new SharedHistory(room, scope, captureTimeout)
    known.push(history)
  }
  return history
}

/**
 * Undo and redo of this client's changes, to the whole room or to some of its types and what is nested in them. Components that
 * ask for the same share one history; it records from the first mount to the last unmount.
 */
export function useHistory(
  scope?: Synced<any> | readonly Synced<any>[],
  options?: HistoryOptions,
): HistoryControls {
  const { held } = useRoomContext('useHistory')
  const types = scope instanceof Synced ? [scope] : Array.isArray(scope) ? scope : []
  const room = types.some(isStandIn) ? undefined : held?.room
  const source = room && historyOf(room, types, options?.captureTimeout ?? 0)
  return useSource(source, nothing, all)
}
