import { useSyncExternalStore } from 'react'

/** State that components read in parts: who selects a part is drawn again only when that part changes. */
export class Store<T extends object> {
  #state: T
  #listeners = new Set<() => void>()

  constructor(state: T) {
    this.#state = state
  }

  get state(): T {
    return this.#state
  }

  set(change: Partial<T>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of [...this.#listeners]) listener()
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** A part of a store. The selector returns the same value as long as nothing that it reads changed. */
export function useStore<T extends object, R>(store: Store<T>, select: (state: T) => R): R {
  return useSyncExternalStore(store.subscribe, () => select(store.state))
}
