/**
 * Runs a function once after the current turn of the event loop, however often it is asked for.
 *
 * A microtask would run before the awaits of the same turn are through, and so split what belongs together. A timer
 * would be held back for up to a minute in a hidden window. A message to oneself is neither.
 */
export class AfterTurn {
  readonly #run: () => void
  #channel: MessageChannel | undefined
  #scheduled = false

  constructor(run: () => void) {
    this.#run = run
  }

  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const fire = () => {
      // Not if it was cancelled meanwhile.
      if (!this.#scheduled) return
      this.#scheduled = false
      this.#run()
    }
    // Node.js, where an open channel would keep the process alive.
    const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown }
    if (setImmediate) {
      setImmediate(fire)
      return
    }
    if (!this.#channel) {
      this.#channel = new MessageChannel()
      this.#channel.port1.onmessage = fire
    }
    this.#channel.port2.postMessage(0)
  }

  cancel(): void {
    this.#scheduled = false
  }

  destroy(): void {
    this.cancel()
    this.#channel?.port1.close()
    this.#channel = undefined
  }
}
