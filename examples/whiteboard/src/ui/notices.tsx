import type { SymphonyError } from '@symphony-rtc/client'
import { useEffect, useState } from 'react'
import { useBoard } from '../model/board.js'

/** What a person should know: errors and warnings of the room, until they are closed. */
export function Notices() {
  const { room } = useBoard()
  const [notices, setNotices] = useState<readonly string[]>([])
  useEffect(() => {
    const show = (error: SymphonyError) => {
      if (error.code === 'unreachable') return // the status says so already
      setNotices((now) => (now.includes(error.message) ? now : [...now, error.message].slice(-3)))
    }
    const stops = [room.on('error', show), room.on('warning', show)]
    return () => {
      for (const stop of stops) stop()
    }
  }, [room])
  if (notices.length === 0) return null
  return (
    <div className="notices" role="alert" data-testid="notices">
      {notices.map((notice) => (
        <p key={notice} className="panel">
          {notice}
          <button type="button" onClick={() => setNotices((now) => now.filter((one) => one !== notice))}>
            OK
          </button>
        </p>
      ))}
    </div>
  )
}
