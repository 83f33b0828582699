// What people do to shapes. Each function is one change: one update on the wire, one step of undo.
import type { Board } from './board.js'
import { type Box, boxOf, type Point, pairs, round, simplify } from './geometry.js'
import {
  type Color,
  fontSize,
  hits,
  type Kind,
  readShape,
  type ShapeFields,
  type ShapeMap,
  textSize,
  widthForFont,
} from './shape.js'

const newId = (): string => Math.random().toString(36).slice(2, 12).padEnd(10, '0')

/** The ids of all shapes, from the back to the front. */
export function inOrder(board: Board): string[] {
  const orders = [...board.shapes.keys()].map((id) => [id, Number(board.map(id)?.get('order') ?? 0)] as const)
  // Two people may give the same order at once: the id decides, so that all see the same.
  return orders.sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1)).map(([id]) => id)
}

function nextOrder(board: Board): number {
  let highest = 0
  for (const id of board.shapes.keys()) highest = Math.max(highest, Number(board.map(id)?.get('order') ?? 0))
  return Math.floor(highest) + 1
}

/** Puts a new shape in front of all others, with the colour and width in hand. Returns its id. */
export function addShape(board: Board, kind: Kind, [x, y]: Point): string {
  const { color, width, filled } = board.view.state
  const map = board.room.newNestedMap<ShapeFields>()
  map.set('kind', kind)
  map.set('at', [round(x), round(y)])
  map.set('color', color)
  map.set('width', width)
  map.set('order', nextOrder(board))
  if (kind === 'pen') map.set('points', board.room.newNestedList())
  else if (kind === 'text') map.set('text', board.room.newNestedText())
  else map.set('size', [0, 0])
  if (filled && (kind === 'rectangle' || kind === 'ellipse')) map.set('filled', true)
  const id = newId()
  board.shapes.set(id, map)
  return id
}

/** Adds what was drawn since the last time to a pen stroke. */
export function extendStroke(map: ShapeMap, points: Point[]): void {
  const [x, y] = map.get('at') as Point
  map.get('points')?.push(points.flatMap((p) => [round(p[0] - x), round(p[1] - y)]))
}

/** Makes a finished stroke small: fewer points, all of them to the lower right of the shape's corner, and a size. */
export function finishStroke(board: Board, map: ShapeMap, tolerance: number): void {
  const shape = readShape(map)
  if (!shape.points) return
  const points = simplify(pairs(shape.points.toArray().flat()), tolerance)
  const left = Math.min(...points.map((p) => p[0]))
  const top = Math.min(...points.map((p) => p[1]))
  const width = Math.max(...points.map((p) => p[0])) - left
  const height = Math.max(...points.map((p) => p[1])) - top
  board.room.bundle(() => {
    shape.points?.clear()
    shape.points?.push(points.flatMap(([x, y]) => [round(x - left), round(y - top)]))
    map.set('at', [round(shape.at[0] + left), round(shape.at[1] + top)])
    map.set('size', [round(width), round(height)])
  })
}

export function setSize(map: ShapeMap, [w, h]: Point): void {
  map.set('size', [round(w), round(h)])
}

/** Makes a shape the box between two points: of a line they are its ends. */
export function setEnds(board: Board, map: ShapeMap, from: Point, to: Point): void {
  if (map.get('kind') === 'line') {
    setSize(map, [to[0] - from[0], to[1] - from[1]])
    return
  }
  const { x, y, w, h } = boxOf(from, to)
  board.room.bundle(() => {
    map.set('at', [round(x), round(y)])
    setSize(map, [w, h])
  })
}

export function remove(board: Board, ids: readonly string[]): void {
  const there = ids.filter((id) => board.shapes.has(id))
  if (there.length > 0) {
    board.room.bundle(() => {
      for (const id of there) board.shapes.delete(id)
    })
  }
  const gone = new Set(ids)
  if (board.view.state.selection.some((id) => gone.has(id)))
    board.select(board.view.state.selection.filter((id) => !gone.has(id)))
}

/** Moves shapes to where they began, plus a way. */
export function moveTo(board: Board, starts: ReadonlyMap<string, Point>, [dx, dy]: Point): void {
  board.room.bundle(() => {
    for (const [id, [x, y]] of starts) board.map(id)?.set('at', [round(x + dx), round(y + dy)])
  })
}

export function moveBy(board: Board, ids: readonly string[], way: Point): void {
  moveTo(board, startsOf(board, ids), way)
}

export function startsOf(board: Board, ids: readonly string[]): Map<string, Point> {
  const starts = new Map<string, Point>()
  for (const id of ids) {
    const shape = board.shape(id)
    if (shape) starts.set(id, shape.at)
  }
  return starts
}

/** Where shapes were when one began to resize them. */
export type Placement = { at: Point; size: Point | undefined; width: number; text: boolean }

export function placementsOf(board: Board, ids: readonly string[]): Map<string, Placement> {
  const placements = new Map<string, Placement>()
  for (const id of ids) {
    const shape = board.shape(id)
    if (!shape) continue
    const { at, size, width, kind } = shape
    placements.set(id, { at, size, width, text: kind === 'text' })
  }
  return placements
}

/** Stretches shapes as a box that contains them becomes another box. Texts grow with its height. */
export function stretch(board: Board, placements: ReadonlyMap<string, Placement>, from: Box, to: Box): void {
  const sx = from.w > 0 ? to.w / from.w : 1
  const sy = from.h > 0 ? to.h / from.h : 1
  board.room.bundle(() => {
    for (const [id, { at, size, width, text }] of placements) {
      const map = board.map(id)
      if (!map) continue
      map.set('at', [round(to.x + (at[0] - from.x) * sx), round(to.y + (at[1] - from.y) * sy)])
      if (size) setSize(map, [size[0] * sx, size[1] * sy])
      if (text) map.set('width', Math.round(widthForFont(fontSize(width) * sy) * 100) / 100)
    }
  })
}

export function recolor(board: Board, ids: readonly string[], color: Color): void {
  setAll(board, ids, 'color', color)
}

export function setWidth(board: Board, ids: readonly string[], width: number): void {
  setAll(board, ids, 'width', width)
}

export function setFilled(board: Board, ids: readonly string[], filled: boolean): void {
  setAll(board, ids, 'filled', filled)
}

function setAll<K extends keyof ShapeFields>(
  board: Board,
  ids: readonly string[],
  key: K,
  value: ShapeFields[K],
): void {
  board.room.bundle(() => {
    for (const id of ids) board.map(id)?.set(key, value)
  })
}

/** Puts shapes in front of or behind all others, without changing their order among themselves. */
export function reorder(board: Board, ids: readonly string[], front: boolean): void {
  const all = inOrder(board)
  const moved = new Set(ids)
  const chosen = all.filter((id) => moved.has(id))
  const orders = all.map((id) => Number(board.map(id)?.get('order') ?? 0))
  const first = front ? Math.max(...orders) + 1 : Math.min(...orders) - chosen.length
  board.room.bundle(() => {
    chosen.forEach((id, i) => {
      board.map(id)?.set('order', first + i)
    })
  })
}

/** Copies shapes, a little to the side and in front. Returns the ids of the copies. */
export function duplicate(board: Board, ids: readonly string[]): string[] {
  const chosen = new Set(ids)
  let order = nextOrder(board)
  const copies: string[] = []
  board.room.bundle(() => {
    for (const id of inOrder(board).filter((one) => chosen.has(one))) {
      const map = board.map(id)
      if (!map) continue
      const [x, y] = readShape(map).at
      const copy = map.copy()
      copy.set('at', [round(x + 16), round(y + 16)])
      copy.set('order', order++)
      const copyId = newId()
      board.shapes.set(copyId, copy)
      copies.push(copyId)
    }
  })
  return copies
}

/** The frontmost shape at a point. */
export function shapeAt(board: Board, p: Point, reach: number): string | undefined {
  return inOrder(board).findLast((id) => {
    const shape = board.shape(id)
    return shape && hits(shape, p, reach)
  })
}

/** Puts a text's middle line at a point, rather than its corner. */
export function textCorner(board: Board, [x, y]: Point): Point {
  return [x, y - textSize('', fontSize(board.view.state.width))[1] / 2]
}
