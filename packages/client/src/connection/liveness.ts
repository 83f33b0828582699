/** Servers say something every 20 s. After so much silence, in ms, they are asked. */
const silence = 45_000
/** The same before the first sync is through, which may be one long message. */
const patientSilence = 120_000
/** How often it is looked whether the server is silent, and how often while an answer is waited for at once, in ms. */
const tick = 5_000
const urgentTick = 2_000

/**
 * Finds out whether the server is still there. Timers of hidden windows come late, perhaps before messages that are already
 * here: so what counts is that the server was asked to say something, and that two more ticks passed without a word.
 */
export class Liveness {
  /** The first sync is not through. */
  patient = true
  readonly #socket: WebSocket
  readonly #ask: () => void
  readonly #dead: () => void
  #ticker: ReturnType<typeof setInterval> | undefined
  #heard = performance.now()
  /** Ticks since the server was asked; 0 if it was not. */
  #asked = 0
  #buffered = 0

  /**
   * @param ask makes the server say something
   * @param dead hears that it did not
   */
  constructor(socket: WebSocket, ask: () => void, dead: () => void) {
    this.#socket = socket
    this.#ask = ask
    this.#dead = dead
    this.#every(tick)
  }

  /** A message came. */
  heard(): void {
    this.#heard = performance.now()
    if (this.#asked > 0) this.#every(tick)
  }

  /** Finds out soon: the network may be another now. */
  check(): void {
    if (this.patient || this.#asked > 0) return
    this.#every(urgentTick)
    this.#asked = 1
    this.#ask()
  }

  stop(): void {
    clearInterval(this.#ticker)
  }

  #every(interval: number): void {
    clearInterval(this.#ticker)
    this.#asked = 0
    this.#ticker = setInterval(() => this.#tick(), interval)
  }

  #tick(): void {
    const { bufferedAmount } = this.#socket
    // What is being sent may be long too, and the question waits behind it.
    const sending = bufferedAmount !== this.#buffered
    this.#buffered = bufferedAmount
    const limit = this.patient ? patientSilence : silence
    if (sending || (this.#asked === 0 && performance.now() - this.#heard < limit)) return
    if (this.#asked++ === 0) this.#ask()
    else if (this.#asked > 2) this.#dead()
  }
}
