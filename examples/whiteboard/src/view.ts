import type { Board } from './model/board.js'
import { inOrder } from './model/edit.js'
import { type Box, overlap, union } from './model/geometry.js'
import { boundsOf } from './model/shape.js'

export function zoomAtCenter(board: Board, zoom: number): void {
  board.zoomTo(zoom, [window.innerWidth / 2, window.innerHeight / 2])
}

function boxes(board: Board): Box[] {
  return inOrder(board).flatMap((id) => {
    const shape = board.shape(id)
    return shape ? [boundsOf(shape)] : []
  })
}

/** Shows all shapes, or the empty board as it was at first. */
export function fit(board: Board): void {
  const box = union(boxes(board))
  const { innerWidth, innerHeight } = window
  if (!box) {
    board.view.set({ x: 0, y: 0, zoom: 1 })
    return
  }
  // Room for the bars above and below.
  const top = 84
  const bottom = 150
  const side = Math.min(48, innerWidth * 0.05)
  const wide = (innerWidth - 2 * side) / Math.max(box.w, 1)
  const high = (innerHeight - top - bottom) / Math.max(box.h, 1)
  const zoom = Math.max(0.1, Math.min(1, wide, high))
  board.view.set({
    zoom,
    x: innerWidth / 2 - (box.x + box.w / 2) * zoom,
    y: top + (innerHeight - top - bottom) / 2 - (box.y + box.h / 2) * zoom,
  })
}

/**
 * Shows all shapes to who arrives, if nothing of the board is in the window, or the window is a phone's. Who has moved the
 * board already is left alone.
 */
export function showWhatIsThere(board: Board): void {
  const { x, y, zoom } = board.view.state
  if (x !== 0 || y !== 0 || zoom !== 1) return
  const here = { x: 0, y: 0, w: window.innerWidth, h: window.innerHeight }
  const all = boxes(board)
  const narrow = here.w < 720 && all.some((box) => box.x < 0 || box.x + box.w > here.w)
  if (narrow || !all.some((box) => overlap(box, here))) fit(board)
}
