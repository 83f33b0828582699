/**
 * Conflict-free maps, lists and texts that people edit together in real time.
 *
 * @packageDocumentation
 */
export type { Awareness } from './awareness.js'
export { type ClientOptions, type EnterOptions, SymphonyClient } from './client.js'
export type { ConnectionStatus, SaveStatus, StorageStatus, Token } from './connection/types.js'
export type { Content } from './content.js'
export { SymphonyError, type SymphonyErrorCode } from './errors.js'
export type { Initial } from './initial.js'
export { type Presence, type Reset, Room, type RoomEvents, type User } from './room.js'
export {
  type Fields,
  History,
  type Keys,
  localOrigin,
  Synced,
  SyncedList,
  SyncedMap,
  SyncedText,
  type Values,
} from './synced/index.js'
