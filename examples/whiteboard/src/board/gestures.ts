// What a pointer does between down and up, for each tool. Whatever a gesture changes is one step of undo.
import type { Board } from '../model/board.js'
import {
  addShape,
  extendStroke,
  finishStroke,
  inOrder,
  moveTo,
  placementsOf,
  remove,
  setEnds,
  shapeAt,
  startsOf,
  stretch,
  textCorner,
} from '../model/edit.js'
import { type Box, boxOf, distance, type Point } from '../model/geometry.js'
import { type Kind, touches } from '../model/shape.js'
import { eachFrame } from './frame.js'

/** A pointer at a point of the window. Shift keeps proportions, or selects more. */
export interface Pointer {
  at: Point
  shift: boolean
  touch: boolean
}

export interface Gesture {
  move(pointer: Pointer): void
  end(): void
  /** Takes back what it did, because it turned out to be another gesture: a pinch, say. */
  cancel(): void
}

/** How near to a shape counts as on it: more for fingers. */
export const reach = (board: Board, { touch }: Pointer): number => (touch ? 16 : 6) / board.view.state.zoom

export function beginGesture(board: Board, pointer: Pointer): Gesture | undefined {
  const { tool } = board.view.state
  switch (tool) {
    case 'hand':
      return pan(board, pointer)
    case 'pen':
      return draw(board, pointer)
    case 'eraser':
      return erase(board, pointer)
    case 'text':
      return write(board, pointer)
    case 'select':
      return select(board, pointer)
    default:
      return span(board, tool, pointer)
  }
}

/** Moves the board under the window. */
export function pan(board: Board, pointer: Pointer): Gesture {
  const { x, y } = board.view.state
  const move = ({ at }: Pointer) =>
    board.view.set({ x: x + at[0] - pointer.at[0], y: y + at[1] - pointer.at[1] })
  return { move, end() {}, cancel() {} }
}

function draw(board: Board, pointer: Pointer): Gesture {
  const first = board.onBoard(pointer.at)
  let id: string | undefined
  let waiting: Point[] = [first]
  let last = first
  let frame = 0
  // The others see the stroke grow: what a frame brought is one update.
  const flush = () => {
    frame = 0
    if (id === undefined) {
      board.history.pause()
      id = addShape(board, 'pen', first)
    }
    const map = board.map(id) // none if somebody erased it meanwhile
    if (map && waiting.length > 0) extendStroke(map, waiting)
    waiting = []
  }
  // A finger that hardly moved may be the first of two: nothing is drawn before it is known.
  if (!pointer.touch) flush()
  return {
    move({ at }) {
      const point = board.onBoard(at)
      if (distance(point, last) < 1.2 / board.view.state.zoom) return
      last = point
      waiting.push(point)
      if (id === undefined && distance(at, pointer.at) < 8) return
      frame ||= requestAnimationFrame(flush)
    },
    end() {
      cancelAnimationFrame(frame)
      flush()
      const map = id === undefined ? undefined : board.map(id)
      if (map) finishStroke(board, map, 0.5 / board.view.state.zoom)
      board.history.resume()
    },
    cancel() {
      cancelAnimationFrame(frame)
      if (id === undefined) return
      remove(board, [id])
      board.history.resume()
    },
  }
}

/** Line, rectangle and ellipse: from one corner to the other. A click makes one of a usual size. */
function span(board: Board, kind: Kind, pointer: Pointer): Gesture {
  const from = board.onBoard(pointer.at)
  let id: string | undefined
  const frame = eachFrame(({ at, shift }: Pointer) => {
    const to = board.onBoard(at)
    if (id === undefined && distance(from, to) * board.view.state.zoom < 4) return
    if (id === undefined) board.history.pause()
    id ??= addShape(board, kind, from)
    const map = board.map(id)
    if (map) setEnds(board, map, from, shift ? regular(kind, from, to) : to)
  })
  const finish = () => {
    if (id !== undefined) board.history.resume()
  }
  return {
    move: frame.ask,
    end() {
      frame.now()
      if (id === undefined) {
        board.history.pause()
        id = addShape(board, kind, from)
        const map = board.map(id)
        if (map) setEnds(board, map, from, [from[0] + 120, from[1] + (kind === 'line' ? 0 : 80)])
      }
      finish()
      board.use('select')
      board.select([id])
    },
    cancel() {
      frame.drop()
      if (id !== undefined) remove(board, [id])
      finish()
    },
  }
}

/** Makes a box a square, and a line one of the eight directions. */
function regular(kind: Kind, from: Point, to: Point): Point {
  const dx = to[0] - from[0]
  const dy = to[1] - from[1]
  if (kind === 'line') {
    const angle = (Math.round((Math.atan2(dy, dx) * 4) / Math.PI) * Math.PI) / 4
    const length = Math.hypot(dx, dy)
    return [from[0] + length * Math.cos(angle), from[1] + length * Math.sin(angle)]
  }
  const side = Math.max(Math.abs(dx), Math.abs(dy))
  return [from[0] + side * (dx < 0 ? -1 : 1), from[1] + side * (dy < 0 ? -1 : 1)]
}

function erase(board: Board, pointer: Pointer): Gesture {
  board.history.pause()
  const move = (now: Pointer) => {
    const id = shapeAt(board, board.onBoard(now.at), reach(board, now))
    if (id !== undefined) remove(board, [id])
  }
  move(pointer)
  const end = () => board.history.resume()
  return { move, end, cancel: end }
}

/** A click begins a text, or goes into the one that is there. */
function write(board: Board, pointer: Pointer): Gesture {
  const at = board.onBoard(pointer.at)
  return {
    move() {},
    cancel() {},
    end() {
      const there = shapeAt(board, at, reach(board, pointer))
      if (there !== undefined && board.shape(there)?.kind === 'text') {
        board.view.set({ editing: there })
        return
      }
      // The empty text and what is typed first are one step of undo: the editor ends it.
      board.history.pause()
      board.view.set({ editing: addShape(board, 'text', textCorner(board, at)) })
    },
  }
}

function select(board: Board, pointer: Pointer): Gesture {
  const at = board.onBoard(pointer.at)
  const id = shapeAt(board, at, reach(board, pointer))
  const { selection } = board.view.state
  if (id === undefined) return frameSelect(board, pointer)
  if (pointer.shift) {
    board.select(selection.includes(id) ? selection.filter((one) => one !== id) : [...selection, id])
  } else if (!selection.includes(id)) {
    board.select([id])
  }
  return drag(board, pointer)
}

/** Moves what is selected. */
export function drag(board: Board, pointer: Pointer): Gesture {
  const starts = startsOf(board, board.view.state.selection)
  let moving = false
  const frame = eachFrame(({ at }: Pointer) => {
    const { zoom } = board.view.state
    if (!moving && distance(at, pointer.at) < 3) return
    if (!moving) board.history.pause()
    moving = true
    moveTo(board, starts, [(at[0] - pointer.at[0]) / zoom, (at[1] - pointer.at[1]) / zoom])
  })
  return {
    move: frame.ask,
    end() {
      frame.now()
      if (moving) board.history.resume()
    },
    cancel() {
      frame.drop()
      if (moving) moveTo(board, starts, [0, 0])
      if (moving) board.history.resume()
    },
  }
}

function frameSelect(board: Board, pointer: Pointer): Gesture {
  const from = board.onBoard(pointer.at)
  const before = pointer.shift ? board.view.state.selection : []
  if (!pointer.shift) board.select([])
  const done = () => board.view.set({ frame: undefined })
  return {
    move({ at }) {
      const frame = boxOf(from, board.onBoard(at))
      const inside = inOrder(board).filter((id) => {
        const shape = board.shape(id)
        return shape && touches(shape, frame)
      })
      board.view.set({ frame })
      board.select([...new Set([...before, ...inside])])
    },
    end: done,
    cancel: done,
  }
}

/** Which sides of the selection's box a handle moves: -1 left or upper, 1 right or lower, 0 neither. */
export type Handle = readonly [x: -1 | 0 | 1, y: -1 | 0 | 1]

/** Stretches what is selected by a corner of its box. */
export function resize(board: Board, from: Box, [hx, hy]: Handle, pointer: Pointer): Gesture {
  const { selection } = board.view.state
  const placements = placementsOf(board, selection)
  // Texts have one size, not two: with one of them, all keeps its proportions.
  const keeps = [...placements.values()].some(({ text }) => text)
  board.history.pause()
  const frame = eachFrame(({ at, shift }: Pointer) => {
    const { zoom } = board.view.state
    let w = Math.max(4, from.w + (hx * (at[0] - pointer.at[0])) / zoom)
    let h = Math.max(4, from.h + (hy * (at[1] - pointer.at[1])) / zoom)
    if ((shift || keeps) && from.w > 0 && from.h > 0) {
      const scale = Math.max(w / from.w, h / from.h)
      w = from.w * scale
      h = from.h * scale
    }
    if (from.w === 0) w = 0
    if (from.h === 0) h = 0
    const x = hx < 0 ? from.x + from.w - w : from.x
    const y = hy < 0 ? from.y + from.h - h : from.y
    stretch(board, placements, from, { x, y, w, h })
  })
  return {
    move: frame.ask,
    end() {
      frame.now()
      board.history.resume()
    },
    cancel() {
      frame.drop()
      stretch(board, placements, from, from)
      board.history.resume()
    },
  }
}
