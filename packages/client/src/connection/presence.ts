import { type Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'

/** Sends this client's own presence, never that of others, and not too often: the first change at once, then the newest. */
export class PresenceSender {
  readonly #awareness: Awareness
  readonly #interval: number
  readonly #schedule: () => void
  #due = false
  /** When the next may go out, in ms of `performance.now()`. */
  #next = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param schedule has `take` called soon */
  constructor(awareness: Awareness, interval: number, schedule: () => void) {
    this.#awareness = awareness
    this.#interval = interval
    this.#schedule = schedule
    awareness.on('update', this.#onUpdate)
  }

  #onUpdate = (change: { added: number[]; updated: number[]; removed: number[] }) => {
    const own = this.#awareness.clientID
    // Whoever made it: a server that says that this client is gone makes y-protocols renew the state.
    if (change.added.includes(own) || change.updated.includes(own) || change.removed.includes(own)) {
      this.#due = true
      this.#schedule()
    }
  }

  /** The own state as an awareness update, if it is time to send it. */
  take(): Uint8Array | undefined {
    if (!this.#due) return undefined
    const now = performance.now()
    if (now < this.#next) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined
        this.#schedule()
      }, this.#next - now)
      return undefined
    }
    this.#due = false
    this.#next = now + this.#interval
    return encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID])
  }

  /** Says that this client is here, at a new clock: at the old one the others may remember it as gone. */
  announce(): void {
    this.#next = 0
    const state = this.#awareness.getLocalState()
    if (state) this.#awareness.setLocalState(state)
  }

  /** Says that this client is gone, as an awareness update. */
  goodbye(): Uint8Array {
    return encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID], new Map())
  }

  /** Nobody else is known to be there any more. */
  forgetOthers(origin: unknown): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#due = false
    const awareness = this.#awareness
    const others = [...awareness.meta.keys()].filter((id) => id !== awareness.clientID)
    removeAwarenessStates(awareness, others, origin)
    // With their clocks: y-protocols would ignore them when they are there again at the same clock.
    for (const id of others) awareness.meta.delete(id)
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.#awareness.off('update', this.#onUpdate)
  }
}
