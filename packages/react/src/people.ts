import type { Presence, Room, User } from '@symphony-rtc/client'
import { useCallback, useMemo } from 'react'
import { type Equal, shallow, share } from './equal.js'
import { useRoomContext } from './providers.js'
import { all, type Source, useSource } from './source.js'

/** Makes a source of a room on first use; the same one for all components. */
export function perRoom<V>(
  make: (room: Room<any>) => Source<V>,
): (room: Room<any> | undefined) => Source<V> | undefined {
  const made = new WeakMap<Room<any>, Source<V>>()
  return (room) => {
    if (!room) return
    let source = made.get(room)
    if (!source) {
      source = make(room)
      made.set(room, source)
    }
    return source
  }
}

const othersOf = perRoom((room): Source<readonly User<any>[]> => {
  let from: Map<number, Presence> | undefined
  let users: readonly User<any>[] = []
  return {
    get() {
      const others = room.getOthers()
      if (others === from) return users
      from = others
      const before = new Map(users.map((user) => [user.clientId, user]))
      // Who did not change stays identical, so that components for one person each do not render again.
      const now = [...others].map(([clientId, presence]) => {
        const user: User<any> = { clientId, presence }
        return share(before.get(clientId) ?? user, user)
      })
      if (!shallow(users, now)) users = now
      return users
    },
    subscribe: (changed) => room.on('others', changed),
  }
})

const presenceOf = perRoom((room): Source<Presence> => {
  let presence: Presence = {}
  return {
    get: () => {
      presence = share(presence, room.getPresence())
      return presence
    },
    subscribe: (changed) => {
      const stops = [room.on('presence', changed), room.on('reset', changed)]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
})

const nobody: readonly User<any>[] = Object.freeze([])

/**
 * Everybody else in the room: an array of `{ clientId, presence }` that is the same until somebody comes, goes or changes. Whoever
 * did not change is the same object. With a selector, what it makes of the array; the component renders again only if that
 * changed.
 */
export function useOthers<P extends Presence = Presence>(): readonly User<P>[]
export function useOthers<P extends Presence = Presence, S = unknown>(
  selector: (others: readonly User<P>[]) => S,
  isEqual?: Equal<NoInfer<S>>,
): S
export function useOthers(
  selector: (others: readonly User<any>[]) => unknown = all,
  isEqual?: Equal<unknown>,
): unknown {
  const { held } = useRoomContext('useOthers')
  return useSource(othersOf(held?.room), nobody, selector, isEqual)
}

/** Changes some properties of one's own presence. */
export type UpdatePresence<P extends Presence = Presence> = (change: Partial<P>) => void

/**
 * One's own presence and a function, always the same one, that changes some properties of it:
 * `const [presence, update] = usePresence()`. With a selector, the first value is what it makes of the presence.
 */
export function usePresence<P extends Presence = Presence>(): [P, UpdatePresence<P>]
export function usePresence<P extends Presence = Presence, S = unknown>(
  selector: (presence: P) => S,
  isEqual?: Equal<NoInfer<S>>,
): [S, UpdatePresence<P>]
export function usePresence(
  selector: (presence: any) => unknown = all,
  isEqual?: Equal<unknown>,
): [unknown, UpdatePresence] {
  const { held, presence } = useRoomContext('usePresence')
  return [useSource(presenceOf(held?.room), presence, selector, isEqual), useUpdatePresence()]
}

/** A function, always the same one, that changes some properties of one's own presence. For components that do not show it. */
export function useUpdatePresence<P extends Presence = Presence>(): UpdatePresence<P> {
  const { held } = useRoomContext('useUpdatePresence')
  return useCallback((change) => held?.room.updatePresence(change), [held])
}

const selfIdOf = perRoom(
  (room): Source<number> => ({
    get: () => room.getClientId(),
    subscribe: (changed) => room.on('reset', changed),
  }),
)

/** This client as the others see it: its id and presence. On a server, and until the room is there, the id is 0. */
export function useSelf<P extends Presence = Presence>(): User<P> {
  const { held } = useRoomContext('useSelf')
  const [presence] = usePresence<P>()
  const clientId = useSource(selfIdOf(held?.room), 0, all)
  return useMemo(() => ({ clientId, presence }), [clientId, presence])
}
