import { useMap, useOthers } from '@symphony-rtc/react'
import { type PointerEvent, useSyncExternalStore } from 'react'
import { type Board, type Presence, useBoard, useView } from '../model/board.js'
import { type Box, grow, union } from '../model/geometry.js'
import { boundsOf, readShape, type ShapeMap } from '../model/shape.js'
import { colorOf } from '../person.js'
import { type Gesture, type Handle, type Pointer, resize } from './gestures.js'

type Begin = (event: PointerEvent, of: (board: Board, pointer: Pointer) => Gesture | undefined) => void

const handles: readonly Handle[] = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
]

/** What this person has selected: outlines, handles, and the frame while selecting. */
export function Selection({ begin }: { begin: Begin }) {
  const board = useBoard()
  const selection = useView((view) => view.selection)
  const frame = useView((view) => view.frame)
  const editing = useView((view) => view.editing)
  const zoom = useView((view) => view.zoom)
  const box = useBox(selection)
  const around = box && grow(box, 6 / zoom)
  return (
    <>
      {selection.length > 1 && selection.map((id) => <Outline key={id} id={id} className="outline" />)}
      {around && !editing && (
        <g className="selection" data-testid="selection">
          <rect className="box" x={around.x} y={around.y} width={around.w} height={around.h} rx={4 / zoom} />
          {!frame &&
            handles.map(([hx, hy]) => {
              const x = around.x + (hx > 0 ? around.w : 0)
              const y = around.y + (hy > 0 ? around.h : 0)
              return (
                <g
                  key={`${hx}${hy}`}
                  className={hx === hy ? 'handle falling' : 'handle rising'}
                  data-testid={`handle-${hy < 0 ? 'n' : 's'}${hx < 0 ? 'w' : 'e'}`}
                  onPointerDown={(event) => {
                    if (event.button !== 0) return
                    event.stopPropagation()
                    begin(event, (_, pointer) => resize(board, box, [hx, hy], pointer))
                  }}
                >
                  <circle className="reach" cx={x} cy={y} r={14 / zoom} />
                  <circle className="knob" cx={x} cy={y} r={5 / zoom} />
                </g>
              )
            })}
        </g>
      )}
      {frame && <rect className="frame" x={frame.x} y={frame.y} width={frame.w} height={frame.h} />}
    </>
  )
}

/** What the others have selected, in their colours. */
export function OthersSelections() {
  const others = useOthers<Presence>()
  return others.flatMap(({ clientId, presence: { selection, color } }) =>
    Array.isArray(selection)
      ? selection
          .slice(0, 200)
          .map((id) => (
            <Outline key={`${clientId} ${id}`} id={String(id)} className="theirs" color={colorOf(color)} />
          ))
      : [],
  )
}

function Outline(props: { id: string; className: string; color?: string }) {
  const map = useBoard().map(props.id)
  return map ? <OutlineOf map={map} {...props} /> : null
}

function OutlineOf({ map, className, color }: { map: ShapeMap; className: string; color?: string }) {
  useMap(map)
  const zoom = useView((view) => view.zoom)
  const shape = readShape(map)
  const box = grow(boundsOf(shape), 6 / zoom)
  return (
    <rect
      className={className}
      data-testid={className}
      x={box.x}
      y={box.y}
      width={box.w}
      height={box.h}
      rx={4 / zoom}
      style={{ stroke: color }}
    />
  )
}

/** The box around shapes, which others may move, too. */
export function useBox(ids: readonly string[]): Box | undefined {
  const board = useBoard()
  useSyncExternalStore(
    (changed) => (ids.length > 0 ? board.room.subscribe(board.shapes, changed, { deep: true }) : () => {}),
    () => version(board, ids),
  )
  return boxAround(board, ids)
}

function boxAround(board: Board, ids: readonly string[]): Box | undefined {
  return union(
    ids.flatMap((id) => {
      const shape = board.shape(id)
      return shape ? [boundsOf(shape)] : []
    }),
  )
}

// A text that differs when the box does: what useSyncExternalStore compares.
function version(board: Board, ids: readonly string[]): string {
  const box = boxAround(board, ids)
  return box ? `${box.x} ${box.y} ${box.w} ${box.h}` : ''
}
