import { useMemo, useSyncExternalStore } from 'react'
import { type Board, useBoard } from '../model/board.js'
import { inOrder } from '../model/edit.js'
import type { ShapeMap } from '../model/shape.js'

type Entry = readonly [id: string, map: ShapeMap]

interface Change {
  target: unknown
  keysChanged?: Set<string>
}

/** All shapes from the back to the front. Another array only when a shape came, went or changed its place in the order. */
export function useShapes(): readonly Entry[] {
  const board = useBoard()
  const { subscribe, read } = useMemo(() => orderOf(board), [board])
  return useSyncExternalStore(subscribe, read)
}

function orderOf(board: Board) {
  let entries: readonly Entry[] | undefined
  const subscribe = (changed: () => void) => {
    entries = undefined // something may have changed before one listened
    const listener = (events: Change[]) => {
      const matters = events.some(
        ({ target, keysChanged }) => target === board.shapes.type || keysChanged?.has('order'),
      )
      if (!matters) return
      entries = undefined
      changed()
    }
    return board.room.subscribe(board.shapes, listener, { deep: true })
  }
  const read = () => {
    entries ??= inOrder(board).flatMap((id) => {
      const map = board.map(id)
      return map ? [[id, map] as const] : []
    })
    return entries
  }
  return { subscribe, read }
}
