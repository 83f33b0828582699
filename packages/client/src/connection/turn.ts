/** What runs after the current turn of the event loop. */
export interface AfterTurn {
  schedule(): void
  destroy(): void
}

/**
 * Runs a function once after the current turn of the event loop, however often it is asked for.
 *
 * A microtask would run before the awaits of the same turn are through, and so split what belongs together. A timer
 * would be held back for up to a minute in a hidden window. A message to oneself is neither.
 */
export function afterTurn(run: () => void): AfterTurn {
  let scheduled = false
  let channel: MessageChannel | undefined
  const fire = () => {
    // Not if it was destroyed meanwhile.
    if (!scheduled) return
    scheduled = false
    run()
  }
  return {
    schedule() {
      if (scheduled) return
      scheduled = true
      // Node.js, where an open channel would keep the process alive.
      const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown }
      if (setImmediate) setImmediate(fire)
      else {
        if (!channel) {
          channel = new MessageChannel()
          channel.port1.onmessage = fire
        }
        channel.port2.postMessage(0)
      }
    },
    destroy() {
      scheduled = false
      channel?.port1.close()
    },
  }
}
