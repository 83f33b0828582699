'use client'

/**
 * React hooks for rooms of Symphony.
 *
 * @packageDocumentation
 */
export { type SelectOptions, useList, useMap, useText } from './content.js'
export { type Equal, shallow } from './equal.js'
export { useBroadcast, useEvent, useRoomEvent } from './events.js'
export { type HistoryControls, type HistoryOptions, useHistory } from './history.js'
export { type UpdatePresence, useOthers, usePresence, useSelf, useUpdatePresence } from './people.js'
export {
  RoomProvider,
  type RoomProviderProps,
  SymphonyProvider,
  type SymphonyProviderProps,
  useClient,
  useRoom,
} from './providers.js'
export { useSaveStatus, useStatus, useStorage, useSynced } from './status.js'
export { createRoomHooks, type RoomHooks, type RoomTypes, type UseContent } from './typed.js'
export type { MapSnapshot, Plain } from './types.js'
