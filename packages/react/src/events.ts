import type { Presence, RoomEvents } from '@symphony-rtc/client'
import { useCallback, useEffect, useRef } from 'react'
import { useRoomContext } from './providers.js'

/**
 * Calls a function on each event of the room, as `room.on` does; always the function of the latest render:
 * `useRoomEvent('error', (error) => toast(error.message))`.
 */
export function useRoomEvent<K extends keyof RoomEvents<P>, P extends Presence = Presence>(
  name: K,
  listener: (...args: RoomEvents<P>[K]) => void,
): void {
  const { held } = useRoomContext('useRoomEvent')
  const latest = useRef(listener)
  useEffect(() => {
    latest.current = listener
  })
  useEffect(() => held?.room.on(name, (...args: any[]) => latest.current(...(args as any))), [held, name])
}

/** Calls a function with each event that somebody else in the room broadcasts, and the client id of who did. */
export function useEvent<E = any>(listener: (event: E, clientId: number) => void): void {
  useRoomEvent('event', listener as (event: unknown, clientId: number) => void)
}

/**
 * A function, always the same one, that sends an event, anything that JSON can say, to everybody else who is in the room now. It
 * returns false if it could not be sent, because there is no connection or the server cannot do it.
 */
export function useBroadcast<E = any>(): (event: E) => boolean {
  const { held } = useRoomContext('useBroadcast')
  return useCallback((event) => held?.room.broadcast(event) ?? false, [held])
}
