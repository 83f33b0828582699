import type { SaveStatus } from './types.js'

/** How long durability may take before the server is asked whether it received at least, in ms. */
const patience = 250
/** The same with plain servers, that say nothing unasked. */
const plainPatience = 1_000

/**
 * Knows how safe this client's changes are. All counts are of messages with an update (sync step 2 and update) on the current
 * connection, as the server counts them too.
 */
export class SaveTracker {
  status: SaveStatus
  readonly #ask: () => void
  readonly #changed: (status: SaveStatus) => void
  /** There are changes that are not known to be durable. */
  #unsaved: boolean
  /** Sync step 2 went out on this connection: from here on all changes travel in it. */
  #open = false
  #plain = false
  /** There are changes that were not sent. */
  #queued = false
  #sent = 0
  #received = 0
  #durable = 0
  /** How much was sent before each step 1 that is not answered. Its answer proves that so much was received. */
  #asked: number[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param unsaved whether there are changes from before
   * @param ask sends sync step 1
   * @param changed hears the new status
   */
  constructor(unsaved: boolean, ask: () => void, changed: (status: SaveStatus) => void) {
    this.status = unsaved ? 'local' : 'durable'
    this.#unsaved = unsaved
    this.#ask = ask
    this.#changed = changed
  }

  get unsaved(): boolean {
    return this.#unsaved
  }

  /** The document was changed here. */
  change(): void {
    this.#unsaved = true
    this.#queued = this.#open
    this.#update()
  }

  /** An update is being sent, the newest of what was changed if `all`. */
  send(all: boolean): void {
    this.#sent++
    if (all) this.#queued = false
    this.#update()
  }

  /** The server's step 1 was answered. */
  open(plain: boolean): void {
    this.#open = true
    this.#plain = plain
    this.#queued = false
    this.#update()
  }

  /** Sync step 1 is being sent. */
  ask(): void {
    this.#asked.push(this.#sent)
  }

  /** A step 2 came. */
  answer(): void {
    this.#received = this.#asked.shift() ?? this.#received
    this.#update()
  }

  durable(count: number): void {
    this.#durable = count
    this.#update()
  }

  /** The connection is gone, and with it what was not acknowledged. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#open = this.#queued = false
    this.#sent = this.#received = this.#durable = 0
    this.#asked = []
    this.#update()
  }

  /** It turned out that the server has everything. */
  settle(): void {
    this.#unsaved = false
    this.#update()
  }

  #update(): void {
    const all = this.#open && !this.#queued
    if (all && this.#durable >= this.#sent) this.#unsaved = false
    const status = !this.#unsaved ? 'durable' : all && this.#received >= this.#sent ? 'received' : 'local'
    if (this.#open && status === 'local') this.#arm()
    if (status === this.status) return
    this.status = status
    this.#changed(status)
  }

  /** Has the server asked if what was sent is not acknowledged soon. */
  #arm(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        if (this.status === 'local' && (this.#asked.at(-1) ?? -1) < this.#sent) this.#ask()
      },
      this.#plain ? plainPatience : patience,
    )
  }
}
