import type { Awareness } from '../awareness.js'

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
    // Whoever made it: a server that says that this client is gone makes the awareness renew the state.
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
    return this.#awareness.encode()
  }

  /** Says that this client is here, at a new clock: at the old one the others may remember it as gone. */
  announce(): void {
    this.#next = 0
    const state = this.#awareness.getLocalState()
    if (state) this.#awareness.setLocalState(state)
  }

  /** Says that this client is gone, as an awareness update. */
  goodbye(): Uint8Array {
    return this.#awareness.encode(null)
  }

  /** Nobody else is known to be there any more. */
  forgetOthers(origin: unknown): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#due = false
    this.#awareness.forgetOthers(origin)
  }

  destroy(): void {
    clearTimeout(this.#timer)
    this.#awareness.off('update', this.#onUpdate)
  }
}
