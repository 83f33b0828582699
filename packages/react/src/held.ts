import type { Initial, Presence, Room, SymphonyClient } from '@symphony-rtc/client'
import type { Source } from './source.js'

/** How long a room stays entered after it was rendered, if what was rendered is never mounted, in ms. */
const patience = 10_000

/** A room that components hold. All providers of one room share it. */
export interface Held {
  readonly client: SymphonyClient
  readonly room: Room<any>
  readonly synced: Source<boolean>
  /** How many mounted providers there are. */
  claims: number
  timer: ReturnType<typeof setTimeout> | undefined
  left: boolean
}

const heldBy = new WeakMap<SymphonyClient, Map<string, Held>>()

/**
 * Enters a room, or finds the one that is entered already. Safe to call while rendering: it is left again if nobody claims it.
 */
export function hold(
  client: SymphonyClient,
  id: string,
  presence: Presence | undefined,
  initial: Initial | undefined,
): Held {
  let rooms = heldBy.get(client)
  if (!rooms) {
    rooms = new Map()
    heldBy.set(client, rooms)
  }
  let held = rooms.get(id)
  // A room that the server refused is not tried again by rendering, but by mounting a provider anew.
  if (!held || held.room.status === 'closed') {
    const room = client.enter<Presence>(id, { initial })
    held = { client, room, synced: syncedOf(room), claims: 0, timer: undefined, left: false }
    if (presence) room.updatePresence({ ...presence, ...room.getPresence() })
    rooms.set(id, held)
  }
  if (held.claims === 0) leaveIn(held, patience)
  return held
}

/** Keeps a room entered until the function that this returns is called. */
export function claim(held: Held): () => void {
  held.claims++
  clearTimeout(held.timer)
  return () => {
    // Not at once: StrictMode and a change of pages mount it again within this turn of the event loop.
    if (--held.claims === 0) leaveIn(held, 0)
  }
}

function leaveIn(held: Held, ms: number): void {
  clearTimeout(held.timer)
  held.timer = setTimeout(() => {
    held.left = true
    const { client, room } = held
    const rooms = heldBy.get(client)
    if (rooms?.get(room.id) === held) {
      rooms.delete(room.id)
      void client.leave(room.id)
    } else void room.leave()
  }, ms)
}

/** Whether a room's document contains what the server has, or had when it was last connected. */
function syncedOf(room: Room<any>): Source<boolean> {
  const listeners = new Set<() => void>()
  let synced = false
  const set = (value: boolean) => {
    if (value === synced) return
    synced = value
    for (const listener of [...listeners]) listener()
  }
  room.on('synced', () => set(true))
  room.on('reset', () => set(false))
  // It may have been entered long ago, by something else.
  room.synced().then(
    () => set(true),
    () => {},
  )
  return {
    get: () => synced,
    subscribe(changed) {
      listeners.add(changed)
      return () => listeners.delete(changed)
    },
  }
}
