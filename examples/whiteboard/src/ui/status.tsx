import type { ConnectionStatus, SaveStatus, StorageStatus } from '@symphony-rtc/client'
import { useSaveStatus, useStatus, useStorage } from '@symphony-rtc/react'
import { useEffect, useState } from 'react'
import { useBoard } from '../model/board.js'

type Mood = 'good' | 'busy' | 'away' | 'bad'

/** Whether what one draws reaches the others, and whether it is safe. */
export function Status() {
  const { room } = useBoard()
  const connection = useStatus()
  const save = useCalm(useSaveStatus())
  const storage = useStorage()
  const [mood, short, long] = describe(connection, save, storage, room.readOnly)
  return (
    <span
      className="status"
      role="status"
      data-testid="status"
      data-mood={mood}
      data-connection={connection}
      data-save={save}
      data-storage={storage}
      title={long}
    >
      <span className="dot" />
      <span className="long">{long}</span>
      <span className="short">{short}</span>
    </span>
  )
}

function describe(
  connection: ConnectionStatus,
  save: SaveStatus,
  storage: StorageStatus,
  readOnly: boolean,
): [Mood, string, string] {
  switch (connection) {
    case 'connected':
      if (readOnly) return ['good', 'View only', 'View only']
      if (save !== 'durable' && storage !== 'fine')
        return ['away', 'Cannot save', 'Server cannot save just now… changes are kept on this device']
      return save === 'durable' ? ['good', 'Saved', 'Saved'] : ['busy', 'Saving…', 'Saving…']
    case 'connecting':
      return ['busy', 'Connecting…', 'Connecting…']
    case 'reconnecting':
      return ['away', 'Reconnecting…', 'Reconnecting… changes are kept on this device']
    case 'offline':
      return ['away', 'Offline', 'Offline — changes are kept on this device']
    case 'closed':
      return ['bad', 'Disconnected', 'Disconnected — changes stay on this device']
  }
}

/** "Saved" is said once it has been true for a moment, so that it does not flicker at each stroke; "not saved" at once. */
function useCalm(save: SaveStatus): SaveStatus {
  const [calm, setCalm] = useState(save)
  useEffect(() => {
    if (save !== 'durable') {
      setCalm(save)
      return
    }
    const timer = setTimeout(() => setCalm(save), 400)
    return () => clearTimeout(timer)
  }, [save])
  return save === 'durable' ? calm : save
}
