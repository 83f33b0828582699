import type { SaveStatus } from './types.js'

/** How long durability may take before the server is asked whether it received at least, in ms. */
const patience = 250
/** The same with plain servers, that say nothing unasked. */
const plainPatience = 1_000

/** Knows how safe this client's changes are. */
export interface SaveTracker {
  readonly status: SaveStatus
  /** There are changes that are not known to be durable. */
  readonly unsaved: boolean
  /** The document was changed here. */
  change(): void
  /** An update is being sent, the newest of what was changed if `all`. */
  send(all: boolean): void
  /** The server's step 1 was answered: from here on all changes travel on this connection. */
  open(plain: boolean): void
  /** Changes are not sent for a while, until `open`. */
  hold(): void
  /** Sync step 1 is being sent. */
  ask(): void
  /** A step 2 came. */
  answer(): void
  /** So many messages with an update are durable. */
  durable(count: number): void
  /** The connection is gone, and with it what was not acknowledged. */
  close(): void
  /** It turned out that the server has everything. */
  settle(): void
}

/**
 * Keeps the count. All counts are of messages with an update (sync step 2 and update) on the current connection, as the
 * server counts them too.
 *
 * @param unsaved whether there are changes from before
 * @param ask sends sync step 1
 * @param changed hears the new status
 */
export function trackSaves(
  unsaved: boolean,
  ask: () => void,
  changed: (status: SaveStatus) => void,
): SaveTracker {
  let status: SaveStatus = unsaved ? 'local' : 'durable'
  /** Sync step 2 went out on this connection: from here on all changes travel in it. */
  let open = false
  let plain = false
  /** There are changes that were not sent. */
  let queued = false
  let sent = 0
  let received = 0
  let durable = 0
  /** How much was sent before each step 1 that is not answered. Its answer proves that so much was received. */
  let asked: number[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  const update = () => {
    const all = open && !queued
    if (all && durable >= sent) unsaved = false
    const now = !unsaved ? 'durable' : all && received >= sent ? 'received' : 'local'
    if (open && now === 'local')
      // Has the server asked if what was sent is not acknowledged soon.
      timer ??= setTimeout(
        () => {
          timer = undefined
          if (status === 'local' && (asked.at(-1) ?? -1) < sent) ask()
        },
        plain ? plainPatience : patience,
      )
    if (now === status) return
    status = now
    changed(now)
  }

  return {
    get status() {
      return status
    },
    get unsaved() {
      return unsaved
    },
    change() {
      unsaved = true
      queued = open
      update()
    },
    send(all) {
      sent++
      if (all) queued = false
      update()
    },
    open(toPlain) {
      open = true
      plain = toPlain
      queued = false
      update()
    },
    hold() {
      open = false
      update()
    },
    ask() {
      asked.push(sent)
    },
    answer() {
      received = asked.shift() ?? received
      update()
    },
    durable(count) {
      durable = count
      update()
    },
    close() {
      clearTimeout(timer)
      timer = undefined
      open = queued = false
      sent = received = durable = 0
      asked = []
      update()
    },
    settle() {
      unsaved = false
      update()
    },
  }
}
