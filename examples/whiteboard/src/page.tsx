import type { Room, SymphonyClient } from '@symphony-rtc/client'
import { useHistory, useRoom } from '@symphony-rtc/react'
import { useEffect, useMemo, useState } from 'react'
import { Canvas } from './board/canvas.js'
import { useKeys } from './keys.js'
import { Board, BoardContext, type Presence, useBoard } from './model/board.js'
import { anotherColor } from './person.js'
import { HistoryButtons, SelectionButtons, ZoomButtons } from './ui/corners.js'
import { Dock } from './ui/dock.js'
import { Hint } from './ui/hint.js'
import { Notices } from './ui/notices.js'
import { TopBar } from './ui/top-bar.js'
import { showWhatIsThere } from './view.js'

declare global {
  interface Window {
    /** For tests and for the curious: type `symphony.room.newMap('shapes').toJSON()` in the console. */
    symphony?: { room: Room<Presence>; client: SymphonyClient }
  }
}

export function Page({ client }: { client: SymphonyClient }) {
  const room = useRoom() as Room<Presence>
  const board = useRoomBoard(room)
  useEffect(() => {
    window.symphony = { room, client }
    document.title = `${room.id} · Symphony`
  }, [room, client])
  useEffect(() => differ(room), [room])
  return (
    <BoardContext value={board}>
      <Everything />
    </BoardContext>
  )
}

function Everything() {
  useKeys()
  const board = useBoard()
  useEffect(() => {
    let here = true
    const arrived = () => here && showWhatIsThere(board)
    board.room.synced().then(arrived, arrived) // rejected: what this device has is all there is
    return () => {
      here = false
    }
  }, [board])
  return (
    <>
      <Canvas />
      <Hint />
      <SelectionButtons />
      <TopBar />
      <Notices />
      <HistoryButtons />
      <Dock />
      <ZoomButtons />
    </>
  )
}

/** Gives this person another colour while somebody has the same; of two, the one with the higher id changes. */
function differ(room: Room<Presence>): () => void {
  return room.on('others', (others) => {
    const mine = room.getPresence().color
    const same = [...others].some(([id, { color }]) => color === mine && id < room.getClientId())
    const color = same && anotherColor([...others.values()].map((other) => other.color))
    if (color) room.updatePresence({ color })
  })
}

/** The board of a room; another one after the server replaced the room's document. */
function useRoomBoard(room: Room<Presence>): Board {
  const { undo, redo, pause, resume } = useHistory()
  const [resets, setResets] = useState(0)
  useEffect(() => room.on('reset', () => setResets((n) => n + 1)), [room])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a reset is a reason, though nothing reads their number
  return useMemo(
    () => new Board(room, { undo, redo, pause, resume }),
    [room, resets, undo, redo, pause, resume],
  )
}
