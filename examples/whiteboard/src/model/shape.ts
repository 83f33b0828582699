import { SyncedList, type SyncedMap, SyncedText } from '@symphony-rtc/client'
import {
  type Box,
  boxOf,
  contains,
  distance,
  distanceToSegment,
  grow,
  overlap,
  type Point,
  pairs,
} from './geometry.js'

/**
 * A shape is a nested map in the room's map `shapes`. Each property is a key of its own, so that of two people who work on
 * one shape at once, one can move it while the other colours it. `at` and `size` are pairs and not four keys: of two people
 * who move one shape, one wins, and it does not land at the x of one and the y of the other.
 */
export interface ShapeFields {
  kind: Kind
  at: Point
  size: Point
  color: Color
  width: number
  filled: boolean
  order: number
  points: SyncedList<number[]>
  text: SyncedText
}
export type ShapeMap = SyncedMap<ShapeFields>
export type Shapes = SyncedMap<ShapeMap>

export const kinds = ['pen', 'line', 'rectangle', 'ellipse', 'text'] as const
export type Kind = (typeof kinds)[number]

export interface Shape {
  kind: Kind
  /** The upper left corner; of a line, where it begins. */
  at: Point
  /** Width and height; of a line, the way to its end. A pen stroke that is being drawn has none yet. */
  size: Point | undefined
  color: Color
  /** Stroke width; the font size of a text follows from it. */
  width: number
  filled: boolean
  /** Shapes with a higher one are in front of the others. */
  order: number
  /** Of a pen stroke: runs of x, y, x, y, ... relative to `at`. */
  points: SyncedList<number[]> | undefined
  /** Of a text. */
  text: SyncedText | undefined
}

export const colors = ['ink', 'red', 'orange', 'yellow', 'green', 'blue', 'violet', 'pink'] as const
export type Color = (typeof colors)[number]
export const widths = [2, 4, 8] as const

// Of a text: a thicker pen writes larger.
export const fontSize = (width: number): number => 12 + 5 * width
export const widthForFont = (size: number): number => Math.max(0.2, (size - 12) / 5)
export const lineHeight = 1.3

/** Reads a shape, whatever is in the map: a board may contain what a newer page has put there. */
export function readShape(map: ShapeMap): Shape {
  const field = (key: keyof ShapeFields): unknown => map.get(key)
  const width = field('width')
  const order = field('order')
  return {
    kind: oneOf(kinds, field('kind')) ?? 'rectangle',
    at: point(field('at')) ?? [0, 0],
    size: point(field('size')),
    color: oneOf(colors, field('color')) ?? 'ink',
    width: typeof width === 'number' && width > 0 ? Math.min(width, 200) : 4,
    filled: field('filled') === true,
    order: typeof order === 'number' ? order : 0,
    points: listIn(map),
    text: textIn(map),
  }
}

function oneOf<T>(all: readonly T[], value: unknown): T | undefined {
  return all.find((one) => one === value)
}

function point(value: unknown): Point | undefined {
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Number.isFinite)) return undefined
  return value as unknown as Point
}

function listIn(map: ShapeMap): SyncedList<number[]> | undefined {
  const value = map.get('points') as unknown
  return value instanceof SyncedList ? value : undefined
}

function textIn(map: ShapeMap): SyncedText | undefined {
  const value = map.get('text') as unknown
  return value instanceof SyncedText ? value : undefined
}

/** The points of a pen stroke on the board, stretched to the shape's size. */
export function strokeOf(shape: Shape, runs: readonly unknown[] = shape.points?.toArray() ?? []): Point[] {
  const flat = runs.flat().filter((n): n is number => typeof n === 'number')
  const points = pairs(flat)
  if (!shape.size) return points.map(([x, y]) => [shape.at[0] + x, shape.at[1] + y])
  const w = Math.max(...points.map((p) => p[0]))
  const h = Math.max(...points.map((p) => p[1]))
  const sx = w > 0 ? shape.size[0] / w : 1
  const sy = h > 0 ? shape.size[1] / h : 1
  return points.map(([x, y]) => [shape.at[0] + x * sx, shape.at[1] + y * sy])
}

let pencil: CanvasRenderingContext2D | null | undefined
export const fontFamily = 'ui-rounded, "Segoe UI", system-ui, "DejaVu Sans", sans-serif'

/** Width and height of a text as the board shows it. */
export function textSize(text: string, size: number): Point {
  pencil ??= document.createElement('canvas').getContext('2d')
  const lines = text.split('\n')
  if (pencil) pencil.font = `${size}px ${fontFamily}`
  const widest = Math.max(...lines.map((line) => pencil?.measureText(line).width ?? 0), size * 0.3)
  return [widest, lines.length * size * lineHeight]
}

/** What a shape covers, without the thickness of its line. */
export function boundsOf(shape: Shape): Box {
  const [x, y] = shape.at
  if (shape.kind === 'text') {
    const [w, h] = textSize(shape.text?.toString() ?? '', fontSize(shape.width))
    return { x, y, w, h }
  }
  if (shape.kind === 'pen' && !shape.size) {
    const points = strokeOf(shape)
    const xs = points.map((p) => p[0])
    const ys = points.map((p) => p[1])
    if (points.length === 0) return { x, y, w: 0, h: 0 }
    return boxOf([Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)])
  }
  const [w, h] = shape.size ?? [0, 0]
  return boxOf([x, y], [x + w, y + h])
}

/** Whether a shape is within a distance of a point. Outlines are hit on their line, filled ones everywhere. */
export function hits(shape: Shape, p: Point, reach: number): boolean {
  const within = reach + shape.width / 2
  const box = boundsOf(shape)
  if (!contains(grow(box, within), p)) return false
  switch (shape.kind) {
    case 'text':
      return true
    case 'line': {
      const [w, h] = shape.size ?? [0, 0]
      return distanceToSegment(p, shape.at, [shape.at[0] + w, shape.at[1] + h]) <= within
    }
    case 'pen':
      return hitsStroke(strokeOf(shape), p, within)
    case 'rectangle':
      return shape.filled || !contains(grow(box, -within), p) || Math.min(box.w, box.h) <= 2 * within
    case 'ellipse':
      return hitsEllipse(box, p, within, shape.filled)
  }
}

function hitsStroke(points: Point[], p: Point, within: number): boolean {
  if (points.length === 1) return distance(points[0] as Point, p) <= within
  return points.some((b, i) => i > 0 && distanceToSegment(p, points[i - 1] as Point, b) <= within)
}

function hitsEllipse(box: Box, p: Point, within: number, filled: boolean): boolean {
  const rx = box.w / 2
  const ry = box.h / 2
  // 1 on the ellipse with these radii, less inside.
  const at = (x: number, y: number) =>
    x <= 0 || y <= 0 ? 2 : ((p[0] - box.x - rx) / x) ** 2 + ((p[1] - box.y - ry) / y) ** 2
  if (at(rx + within, ry + within) > 1) return false
  return filled || at(rx - within, ry - within) >= 1
}

/** Whether a shape touches a rectangle: for selecting with a frame. */
export function touches(shape: Shape, frame: Box): boolean {
  const box = boundsOf(shape)
  if (!overlap(box, frame)) return false
  if (shape.kind === 'pen') return strokeOf(shape).some((p) => contains(frame, p))
  return true
}
