import { type PointerEvent, useEffect, useRef } from 'react'
import { type Board, useBoard } from '../model/board.js'
import { distance, type Point } from '../model/geometry.js'
import { beginGesture, type Gesture, type Pointer, pan } from './gestures.js'

const pointerOf = (event: {
  clientX: number
  clientY: number
  shiftKey: boolean
  pointerType?: string
}): Pointer => ({
  at: [event.clientX, event.clientY],
  shift: event.shiftKey,
  touch: event.pointerType === 'touch',
})

const keepFocus = (event: { preventDefault(): void }) => event.preventDefault()

const middle = (a: Point, b: Point): Point => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]

/** Turns pointer events on the board into gestures: one pointer uses the tool, two fingers move and zoom. */
export function usePointers() {
  const board = useBoard()
  const gesture = useRef<Gesture | undefined>(undefined)
  const fingers = useRef(new Map<number, Point>())
  const spaceDown = useSpace()

  const stop = (how: 'end' | 'cancel') => {
    const current = gesture.current
    gesture.current = undefined
    current?.[how]()
  }

  /** Begins a gesture that a handle of the selection asks for, or that of the tool. */
  const begin = (event: PointerEvent, of: (board: Board, pointer: Pointer) => Gesture | undefined) => {
    stop('end')
    event.currentTarget.setPointerCapture(event.pointerId)
    gesture.current = of(board, pointerOf(event))
  }

  const down = (event: PointerEvent) => {
    if (event.pointerType === 'touch') fingers.current.set(event.pointerId, [event.clientX, event.clientY])
    if (fingers.current.size === 2) return stop('cancel')
    if (fingers.current.size > 2) return
    const panning = event.button === 1 || (event.button === 0 && spaceDown.current)
    if (event.button !== 0 && !panning) return
    event.preventDefault() // no text selection, no focus stolen by the middle button's scrolling
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur() // ends what is being typed
    begin(event, panning ? pan : beginGesture)
  }

  const move = (event: PointerEvent) => {
    showCursor(board, event)
    const finger = fingers.current.get(event.pointerId)
    if (finger) {
      const now: Point = [event.clientX, event.clientY]
      const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1]
      fingers.current.set(event.pointerId, now)
      if (other && fingers.current.size === 2) return pinch(board, finger, now, other)
    }
    // All the places where the pointer was since the last event: a fast stroke stays round.
    const events = event.nativeEvent.getCoalescedEvents?.() ?? []
    for (const one of events.length > 0 ? events : [event.nativeEvent]) gesture.current?.move(pointerOf(one))
  }

  const up = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId)
    if (event.type === 'pointercancel') stop('cancel')
    else stop('end')
  }

  const leave = () => board.room.updatePresence({ cursor: null })
  return {
    begin,
    handlers: {
      onPointerDown: down,
      onMouseDown: keepFocus, // `down` decides what has the focus, not the mouse events that follow a touch
      onPointerMove: move,
      onPointerUp: up,
      onPointerCancel: up,
      onPointerLeave: leave,
    },
  }
}

function showCursor(board: Board, event: PointerEvent): void {
  const [x, y] = board.onBoard([event.clientX, event.clientY])
  board.room.updatePresence({ cursor: [Math.round(x), Math.round(y)] })
}

function pinch(board: Board, before: Point, now: Point, other: Point): void {
  const from = middle(before, other)
  const to = middle(now, other)
  const { x, y, zoom } = board.view.state
  board.view.set({ x: x + to[0] - from[0], y: y + to[1] - from[1] })
  board.zoomTo((zoom * distance(now, other)) / Math.max(1, distance(before, other)), to)
}

/** Whether the space bar is down: with it, any tool moves the board. */
function useSpace() {
  const down = useRef(false)
  useEffect(() => {
    const set = (event: KeyboardEvent) => {
      if (event.code === 'Space') down.current = event.type === 'keydown'
    }
    const release = () => {
      down.current = false
    }
    window.addEventListener('keydown', set)
    window.addEventListener('keyup', set)
    window.addEventListener('blur', release)
    return () => {
      window.removeEventListener('keydown', set)
      window.removeEventListener('keyup', set)
      window.removeEventListener('blur', release)
    }
  }, [])
  return down
}
