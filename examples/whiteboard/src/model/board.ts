import { type Room, SyncedMap } from '@symphony-rtc/client'
import type { HistoryControls } from '@symphony-rtc/react'
import { createContext, useContext } from 'react'
import { Store, useStore } from '../store.js'
import type { Box, Point } from './geometry.js'
import type { Color, Shape, ShapeMap, Shapes } from './shape.js'
import { readShape } from './shape.js'

export type Tool = 'select' | 'hand' | 'pen' | 'line' | 'rectangle' | 'ellipse' | 'text' | 'eraser'

/** What everybody in the room sees of a person. */
export type Presence = {
  name: string
  color: string
  /** Where the pointer is on the board; null when it is elsewhere. */
  cursor: Point | null
  /** Ids of the selected shapes. */
  selection: string[]
}

/** What only this window knows: how it looks at the board, and with which tool in hand. */
export interface View {
  tool: Tool
  color: Color
  width: number
  filled: boolean
  selection: readonly string[]
  /** The frame that is being pulled to select. */
  frame: Box | undefined
  /** The text shape that is being typed in. */
  editing: string | undefined
  /** Where the board's origin is in the window, and how large the board is shown. */
  x: number
  y: number
  zoom: number
}

/** A room's board: its shapes, the history of this person's edits, and this window's view. */
export class Board {
  readonly room: Room<Presence>
  readonly shapes: Shapes
  readonly history: Pick<HistoryControls, 'undo' | 'redo' | 'pause' | 'resume'>
  readonly view = new Store<View>({
    tool: 'pen',
    color: 'ink',
    width: 4,
    filled: false,
    selection: [],
    frame: undefined,
    editing: undefined,
    x: 0,
    y: 0,
    zoom: 1,
  })

  constructor(room: Room<Presence>, history: Board['history']) {
    this.room = room
    this.shapes = room.newMap<ShapeMap>('shapes')
    this.history = history
  }

  map(id: string): ShapeMap | undefined {
    const map = this.shapes.get(id) as unknown
    return map instanceof SyncedMap ? map : undefined
  }

  shape(id: string): Shape | undefined {
    const map = this.map(id)
    return map && readShape(map)
  }

  select(ids: readonly string[]): void {
    this.view.set({ selection: ids })
    this.room.updatePresence({ selection: [...ids] })
  }

  use(tool: Tool): void {
    this.view.set({ tool, frame: undefined })
    if (tool !== 'select') this.select([])
  }

  /** A point of the window, on the board. */
  onBoard([x, y]: Point): Point {
    const view = this.view.state
    return [(x - view.x) / view.zoom, (y - view.y) / view.zoom]
  }

  /** Shows the board larger or smaller, with what is at a point of the window staying there. */
  zoomTo(zoom: number, [x, y]: Point): void {
    const view = this.view.state
    const next = Math.max(0.1, Math.min(8, zoom))
    const ratio = next / view.zoom
    this.view.set({ zoom: next, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio })
  }
}

export const BoardContext = createContext<Board | undefined>(undefined)

export function useBoard(): Board {
  const board = useContext(BoardContext)
  if (!board) throw new Error('useBoard is for components inside of a BoardContext')
  return board
}

export function useView<R>(select: (view: View) => R): R {
  return useStore(useBoard().view, select)
}
