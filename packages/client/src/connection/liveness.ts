/** Servers say something every 20 s. After so much silence, in ms, they are asked. */
const silence = 45_000
/** The same before the first sync is through, which may be one long message. */
const patientSilence = 120_000
/** How often it is looked whether the server is silent, and how often while an answer is waited for at once, in ms. */
const tick = 5_000
const urgentTick = 2_000

/** Watches over a connection. */
export interface Liveness {
  /** A message came. */
  heard(): void
  /** The first sync is through: long silence is not explained by a long message any more. */
  settled(): void
  /** Finds out soon: the network may be another now. */
  check(): void
  stop(): void
}

/**
 * Finds out whether the server is still there. Timers of hidden windows come late, perhaps before messages that are already
 * here: so what counts is that the server was asked to say something, and that two more ticks passed without a word.
 *
 * @param ask makes the server say something
 * @param dead hears that it did not
 */
export function watchLiveness(socket: WebSocket, ask: () => void, dead: () => void): Liveness {
  /** The first sync is not through. */
  let patient = true
  let ticker: ReturnType<typeof setInterval> | undefined
  let heard = performance.now()
  /** Ticks since the server was asked; 0 if it was not. */
  let asked = 0
  let buffered = 0

  const every = (interval: number) => {
    clearInterval(ticker)
    asked = 0
    ticker = setInterval(() => {
      const { bufferedAmount } = socket
      // What is being sent may be long too, and the question waits behind it.
      const sending = bufferedAmount !== buffered
      buffered = bufferedAmount
      if (sending || (!asked && performance.now() - heard < (patient ? patientSilence : silence))) return
      if (!asked++) ask()
      else if (asked > 2) dead()
    }, interval)
  }
  every(tick)

  return {
    heard() {
      heard = performance.now()
      if (asked) every(tick)
    },
    settled() {
      patient = false
    },
    check() {
      if (patient || asked) return
      every(urgentTick)
      asked = 1
      ask()
    },
    stop: () => clearInterval(ticker),
  }
}
