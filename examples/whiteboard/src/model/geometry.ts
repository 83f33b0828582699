// Plane geometry: points, boxes and strokes. Units are those of the board: CSS pixels at 100 %.

export type Point = readonly [x: number, y: number]

export interface Box {
  x: number
  y: number
  w: number
  h: number
}

// A tenth of a pixel is finer than anybody draws, and short in a document.
export const round = (n: number): number => Math.round(n * 10) / 10

export function boxOf(a: Point, b: Point): Box {
  return {
    x: Math.min(a[0], b[0]),
    y: Math.min(a[1], b[1]),
    w: Math.abs(a[0] - b[0]),
    h: Math.abs(a[1] - b[1]),
  }
}

export function union(boxes: Box[]): Box | undefined {
  if (boxes.length === 0) return undefined
  const x = Math.min(...boxes.map((b) => b.x))
  const y = Math.min(...boxes.map((b) => b.y))
  return {
    x,
    y,
    w: Math.max(...boxes.map((b) => b.x + b.w)) - x,
    h: Math.max(...boxes.map((b) => b.y + b.h)) - y,
  }
}

export function grow(box: Box, by: number): Box {
  return { x: box.x - by, y: box.y - by, w: box.w + 2 * by, h: box.h + 2 * by }
}

export function contains(box: Box, [x, y]: Point): boolean {
  return x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h
}

export function overlap(a: Box, b: Box): boolean {
  return a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1])
}

/** The distance of a point from the segment between two others. */
export function distanceToSegment(p: Point, a: Point, b: Point): number {
  const dx = b[0] - a[0]
  const dy = b[1] - a[1]
  const length = dx * dx + dy * dy
  const along = length === 0 ? 0 : ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length
  const t = Math.max(0, Math.min(1, along))
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy)
}

/** The points of a flat list of coordinates. */
export function pairs(flat: readonly number[]): Point[] {
  const points: Point[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) points.push([flat[i] as number, flat[i + 1] as number])
  return points
}

/**
 * Leaves out the points of a stroke that lie within a tolerance of the line through the others (the method of Ramer,
 * Douglas and Peucker, without recursion).
 */
export function simplify(points: Point[], tolerance: number): Point[] {
  if (points.length < 3) return points
  const keep = new Uint8Array(points.length)
  keep[0] = keep[points.length - 1] = 1
  const spans: [number, number][] = [[0, points.length - 1]]
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span
    let farthest = 0
    let at = -1
    for (let i = from + 1; i < to; i++) {
      const d = distanceToSegment(points[i] as Point, points[from] as Point, points[to] as Point)
      if (d > farthest) {
        farthest = d
        at = i
      }
    }
    if (farthest <= tolerance) continue
    keep[at] = 1
    spans.push([from, at], [at, to])
  }
  return points.filter((_, i) => keep[i])
}

const text = (n: number) => String(Math.round(n * 100) / 100)

/** The SVG path of a smooth line through a stroke: curves from middle to middle, with the points as handles. */
export function strokePath(points: Point[]): string {
  const [first, second] = points
  if (!first) return ''
  const start = `M${text(first[0])} ${text(first[1])}`
  if (!second) return `${start}l0.01 0` // a dot: round caps make it visible
  let path = start
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i] as Point
    const [nextX, nextY] = points[i + 1] as Point
    path += `Q${text(x)} ${text(y)} ${text((x + nextX) / 2)} ${text((y + nextY) / 2)}`
  }
  const last = points.at(-1) as Point
  return `${path}L${text(last[0])} ${text(last[1])}`
}
