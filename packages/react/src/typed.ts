import type { Presence, Room, SyncedList, SyncedMap, SyncedText, User } from '@symphony-rtc/client'
import type { ReactElement } from 'react'
import { type SelectOptions, useList, useMap, useText } from './content.js'
import type { Equal } from './equal.js'
import { useBroadcast, useEvent } from './events.js'
import { type UpdatePresence, useOthers, usePresence, useSelf, useUpdatePresence } from './people.js'
import { RoomProvider, type RoomProviderProps, useRoom } from './providers.js'
import type { MapSnapshot, Plain } from './types.js'

/** What the rooms of an application contain; see `createRoomHooks`. */
export interface RoomTypes {
  /** What everybody shows of himself. */
  presence?: Presence
  /** The top-level types by name: `{ todos: SyncedList<Todo>; settings: SyncedMap<Settings>; note: SyncedText }`. */
  content?: object
  /** What is broadcast. */
  event?: unknown
}

type PresenceOf<R extends RoomTypes> = R extends { presence: infer P extends Presence } ? P : Presence
type ContentOf<R extends RoomTypes> = R extends { content: infer C } ? C : Record<never, never>
type EventOf<R extends RoomTypes> = R extends { event: infer E } ? E : any

/** A Synced type of a kind, or the name of one. */
type From<R extends RoomTypes, Kind> =
  | Kind
  | { [N in keyof ContentOf<R>]: ContentOf<R>[N] extends Kind ? N : never }[keyof ContentOf<R>]
type Of<R extends RoomTypes, F> = F extends keyof ContentOf<R> ? ContentOf<R>[F] : F
type Flat<Y> =
  Y extends SyncedList<infer T> ? readonly T[] : Y extends SyncedMap<infer T> ? MapSnapshot<T> : string

/** `useList`, `useMap` or `useText` that knows the names of a room and what they stand for. */
export interface UseContent<R extends RoomTypes, Kind> {
  <F extends From<R, Kind>>(from: F): [Flat<Of<R, F>>, Of<R, F>]
  <F extends From<R, Kind>>(from: F, options: { deep: true }): [Plain<Of<R, F>>, Of<R, F>]
  <F extends From<R, Kind>, S>(
    from: F,
    selector: (content: Plain<Of<R, F>>) => S,
    options: SelectOptions<NoInfer<S>> & { deep: true },
  ): [S, Of<R, F>]
  <F extends From<R, Kind>, S>(
    from: F,
    selector: (content: Flat<Of<R, F>>) => S,
    isEqual?: Equal<NoInfer<S>> | (SelectOptions<NoInfer<S>> & { deep?: false }),
  ): [S, Of<R, F>]
}

/** The hooks whose types depend on what rooms contain. */
export interface RoomHooks<R extends RoomTypes> {
  RoomProvider: (props: RoomProviderProps<PresenceOf<R>>) => ReactElement
  useRoom: () => Room<PresenceOf<R>>
  useList: UseContent<R, SyncedList<any>>
  useMap: UseContent<R, SyncedMap<any>>
  useText: UseContent<R, SyncedText>
  useOthers: {
    (): readonly User<PresenceOf<R>>[]
    <S>(selector: (others: readonly User<PresenceOf<R>>[]) => S, isEqual?: Equal<NoInfer<S>>): S
  }
  usePresence: {
    (): [PresenceOf<R>, UpdatePresence<PresenceOf<R>>]
    <S>(
      selector: (presence: PresenceOf<R>) => S,
      isEqual?: Equal<NoInfer<S>>,
    ): [S, UpdatePresence<PresenceOf<R>>]
  }
  useUpdatePresence: () => UpdatePresence<PresenceOf<R>>
  useSelf: () => User<PresenceOf<R>>
  useEvent: (listener: (event: EventOf<R>, clientId: number) => void) => void
  useBroadcast: () => (event: EventOf<R>) => boolean
}

const hooks = {
  RoomProvider,
  useRoom,
  useList,
  useMap,
  useText,
  useOthers,
  usePresence,
  useUpdatePresence,
  useSelf,
  useEvent,
  useBroadcast,
}

/**
 * The hooks with the types of an application's rooms, so that names are checked and selectors need no annotations. They are the
 * same functions. Call it once, in a module of its own:
 *
 * `export const { useList, useMap, useOthers } = createRoomHooks<{ content: { todos: SyncedList<Todo> } }>()`
 */
export function createRoomHooks<R extends RoomTypes>(): RoomHooks<R> {
  return hooks as unknown as RoomHooks<R>
}
