/** Listeners by event name; `E` maps each name to the arguments of its listeners. */
export class Emitter<E extends { [K in keyof E]: unknown[] }> {
  #listeners = new Map<keyof E, Set<(...args: any[]) => void>>()

  /** Calls a listener on each event of a name, in the order they were added. Returns a function that stops it. */
  on<K extends keyof E>(name: K, listener: (...args: E[K]) => void): () => void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener))
    return () => this.off(name, listener)
  }

  /** Stops a listener; without one, all of that name. */
  off<K extends keyof E>(name: K, listener?: (...args: E[K]) => void): void {
    if (listener) this.#listeners.get(name)?.delete(listener)
    else this.#listeners.delete(name)
  }

  /** Stops all listeners. */
  clear(): void {
    this.#listeners.clear()
  }

  /**
   * Calls the listeners of a name. One that throws does not keep the others from hearing: its error is reported. Returns
   * whether anybody listens.
   */
  emit<K extends keyof E>(name: K, ...args: E[K]): boolean {
    const all = [...(this.#listeners.get(name) ?? [])]
    for (const listener of all) {
      try {
        listener(...args)
      } catch (error) {
        reportError(error)
      }
    }
    return all.length > 0
  }
}

/** Reports the error of an application's callback as uncaught, without breaking what called it. */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
