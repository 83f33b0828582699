import {
  type ClientOptions,
  type Initial,
  type Presence,
  type Room,
  SymphonyClient,
  SymphonyError,
} from '@symphony-rtc/client'
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { claim, type Held, hold } from './held.js'
import { onServer, standIn } from './server.js'
import { type Source, useSource } from './source.js'

const ClientContext = createContext<SymphonyClient | undefined>(undefined)

/** What `SymphonyProvider` takes: a client, or what to make one of. */
export type SymphonyProviderProps = { children?: ReactNode } & (
  | { client: SymphonyClient }
  | ({ client?: undefined; url: string } & ClientOptions)
)

/**
 * Gives a client to the components below. With `client` it is yours; with `url` and the options of a client, one is made for each
 * url, and its rooms are left on unmount. Of the options, a changed `token` counts at once, the others with the next url.
 */
export function SymphonyProvider(props: SymphonyProviderProps): ReactElement {
  const { client: given, children } = props
  const url = given ? undefined : (props as { url: string }).url
  const latest = useRef(props)
  useEffect(() => {
    latest.current = props
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the other options count when the client is made
  const own = useMemo(() => {
    if (given) return
    const { url, token, offline, presenceInterval, WebSocket } = props as ClientOptions & { url: string }
    const tokenNow = () => {
      const now = (latest.current as ClientOptions).token ?? ''
      return typeof now === 'function' ? now() : now
    }
    return new SymphonyClient({
      url,
      token: token === undefined ? undefined : tokenNow,
      offline,
      presenceInterval,
      WebSocket,
    })
  }, [given, url])
  const mounted = useRef<SymphonyClient>(undefined)
  useEffect(() => {
    mounted.current = own
    return () => {
      mounted.current = undefined
      // Not at once: StrictMode mounts it again within this turn of the event loop.
      if (own)
        setTimeout(() => {
          if (mounted.current !== own) void own.leave()
        })
    }
  }, [own])
  return createElement(ClientContext.Provider, { value: given ?? own }, children)
}

/** The client of the `SymphonyProvider` above. */
export function useClient(): SymphonyClient {
  const client = useContext(ClientContext)
  if (!client) throw missing('useClient', 'SymphonyProvider client={client}')
  return client
}

/** The room of a provider as its hooks see it; without `held` on a server. */
export interface RoomContextValue {
  readonly id: string
  readonly held: Held | undefined
  /** Own presence before the room is there. */
  readonly presence: Presence
}

const RoomContext = createContext<RoomContextValue | undefined>(undefined)

/** What `RoomProvider` takes. */
export interface RoomProviderProps<P extends Presence = Presence> {
  /** Identifies the room on its server. With another id the components below show the other room. */
  id: string
  /** What this client's presence begins with; what it has already, if it is in the room, stays. */
  initialPresence?: P
  /**
   * Fills the room with its first content, if nothing was ever written to it: once, however many clients do so. See the options
   * of `client.enter`. The function of the first render counts.
   */
  initial?: Initial
  /**
   * Shown instead of the children until the room's content is there, or the server turned out to be out of reach. Without it the
   * children are shown at once, at first with an empty room.
   */
  fallback?: ReactNode
  children?: ReactNode
}

/**
 * Enters a room and gives it to the hooks below; leaves it on unmount. Several providers of one room share it: it is left when
 * the last one is unmounted.
 */
export function RoomProvider<P extends Presence = Presence>(props: RoomProviderProps<P>): ReactElement {
  const { id, initialPresence, initial, fallback, children } = props
  const client = useContext(ClientContext)
  if (!client) throw missing('RoomProvider', 'SymphonyProvider client={client}')

  const enter = () => ({
    client,
    value: {
      id,
      held: onServer() ? undefined : hold(client, id, initialPresence, initial),
      presence: initialPresence ?? {},
    } satisfies RoomContextValue as RoomContextValue,
  })
  const [entered, setEntered] = useState(enter)
  let current = entered
  if (entered.client !== client || entered.value.id !== id) {
    current = enter()
    setEntered(current)
  }

  const { held } = current.value
  // Only `held` counts: an effect that is run again for an `enter` of the same room would leave it for a moment.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    if (!held) return
    // Mounted long after it was rendered, or shown again after it was hidden: the room was left meanwhile.
    if (!held.left) return claim(held)
    setEntered(enter())
  }, [held])

  const ready = useSource(
    useMemo(() => held && readyOf(held), [held]),
    false,
    (is) => is,
  )
  return createElement(
    RoomContext.Provider,
    { value: current.value },
    fallback === undefined || ready ? children : fallback,
  )
}

/** Whether there is something to show: content of the server, or what this device has if the server is out of reach. */
function readyOf({ room, synced }: Held): Source<boolean> {
  let ready = false
  return {
    get: () => {
      ready ||=
        synced.get() ||
        room.status === 'reconnecting' ||
        room.status === 'offline' ||
        room.status === 'closed'
      return ready
    },
    subscribe(changed) {
      const stops = [room.on('status', changed), synced.subscribe(changed)]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}

/** For hooks: what the `RoomProvider` above provides. */
export function useRoomContext(hook: string): RoomContextValue {
  const context = useContext(RoomContext)
  if (!context) throw missing(hook, 'RoomProvider id="..."')
  return context
}

/** For hooks that can do without: what the `RoomProvider` above provides. */
export function useOptionalRoomContext(): RoomContextValue | undefined {
  return useContext(RoomContext)
}

/**
 * The room of the `RoomProvider` above, for everything that has no hook of its own. On a server only its id can be read while
 * rendering.
 */
export function useRoom<P extends Presence = Presence>(): Room<P> {
  const { id, held } = useRoomContext('useRoom')
  return useMemo(
    () => held?.room ?? standIn<Room<P>>('room', { id, getRoomId: () => id } as Partial<Room<P>>),
    [held, id],
  )
}

export function missing(what: string, element: string): SymphonyError {
  return new SymphonyError('invalid-argument', `${what}: wrap it in <${element}>`)
}
