import type { ConnectionStatus, SaveStatus, StorageStatus } from '@symphony-rtc/client'
import { perRoom } from './people.js'
import { useRoomContext } from './providers.js'
import { all, type Source, useSource } from './source.js'

const statusOf = perRoom(
  (room): Source<ConnectionStatus> => ({
    get: () => room.status,
    subscribe: (changed) => room.on('status', changed),
  }),
)

const saveStatusOf = perRoom(
  (room): Source<SaveStatus> => ({
    get: () => room.saveStatus,
    subscribe: (changed) => room.on('saveStatus', changed),
  }),
)

const storageOf = perRoom(
  (room): Source<StorageStatus> => ({
    get: () => room.storage,
    subscribe: (changed) => room.on('storage', changed),
  }),
)

/** Where the connection stands: `connecting`, `connected`, `reconnecting`, `offline` or `closed`. */
export function useStatus(): ConnectionStatus {
  const { held } = useRoomContext('useStatus')
  return useSource<ConnectionStatus, ConnectionStatus>(statusOf(held?.room), 'connecting', all)
}

/** How safe this client's edits are: `local`, `received` or `durable`. */
export function useSaveStatus(): SaveStatus {
  const { held } = useRoomContext('useSaveStatus')
  return useSource<SaveStatus, SaveStatus>(saveStatusOf(held?.room), 'local', all)
}

/**
 * Whether the server can store what is edited: `fine`, `delayed` (it tries again, and nothing becomes `durable` meanwhile) or
 * `refusing` (it takes no more; edits stay `local` and are sent when it does).
 */
export function useStorage(): StorageStatus {
  const { held } = useRoomContext('useStorage')
  return useSource<StorageStatus, StorageStatus>(storageOf(held?.room), 'fine', all)
}

/** Whether the room's content arrived from the server since it was entered. Stays true when the connection is lost. */
export function useSynced(): boolean {
  const { held } = useRoomContext('useSynced')
  return useSource<boolean, boolean>(held?.synced, false, all)
}
