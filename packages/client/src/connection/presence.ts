import type { Awareness } from '../awareness.js'

/** Sends presence. */
export interface PresenceSender {
  /** The own state as an awareness update, if it is time to send it. */
  take(): Uint8Array | undefined
  /** Says that this client is here, at a new clock: at the old one the others may remember it as gone. */
  announce(): void
  /** There is nobody to send anything to. */
  pause(): void
  destroy(): void
}

/**
 * Sends this client's own presence, never that of others, and not too often: the first change at once, then the newest.
 *
 * @param interval least time between two messages, in ms
 * @param schedule has `take` called soon
 */
export function presenceSender(awareness: Awareness, interval: number, schedule: () => void): PresenceSender {
  let due = false
  /** When the next may go out, in ms of `performance.now()`. */
  let next = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const onUpdate = (change: Record<'added' | 'updated' | 'removed', number[]>) => {
    // Whoever made it: a server that says that this client is gone makes the awareness renew the state.
    if (!Object.values(change).flat().includes(awareness.clientID)) return
    due = true
    schedule()
  }
  awareness.on('update', onUpdate)

  const pause = () => {
    clearTimeout(timer)
    timer = undefined
    due = false
  }
  return {
    take() {
      if (!due) return
      const now = performance.now()
      if (now < next) {
        timer ??= setTimeout(() => {
          timer = undefined
          schedule()
        }, next - now)
        return
      }
      due = false
      next = now + interval
      return awareness.encode()
    },
    announce() {
      next = 0
      awareness.renew()
    },
    pause,
    destroy() {
      pause()
      awareness.off('update', onUpdate)
    },
  }
}
