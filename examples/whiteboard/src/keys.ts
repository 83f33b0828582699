import { useEffect } from 'react'
import { type Board, type Tool, useBoard } from './model/board.js'
import { duplicate, inOrder, moveBy, remove, reorder, setFilled } from './model/edit.js'
import type { Point } from './model/geometry.js'
import { fit, zoomAtCenter } from './view.js'

const tools: Record<string, Tool> = {
  v: 'select',
  h: 'hand',
  p: 'pen',
  l: 'line',
  r: 'rectangle',
  o: 'ellipse',
  t: 'text',
  e: 'eraser',
}

const arrows: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/** The keys of the page. Text fields keep theirs. */
export function useKeys(): void {
  const board = useBoard()
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      const { target } = event
      if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return
      const handled = event.ctrlKey || event.metaKey ? withControl(board, event) : plain(board, event)
      if (handled) event.preventDefault()
    }
    window.addEventListener('keydown', listener)
    return () => window.removeEventListener('keydown', listener)
  }, [board])
}

function withControl(board: Board, event: KeyboardEvent): boolean {
  const { selection, zoom } = board.view.state
  switch (event.key.toLowerCase()) {
    case 'z':
      if (event.shiftKey) board.history.redo()
      else board.history.undo()
      return true
    case 'y':
      board.history.redo()
      return true
    case 'a':
      board.use('select')
      board.select(inOrder(board))
      return true
    case 'd':
      if (selection.length > 0) board.select(duplicate(board, selection))
      return true
    case '=':
    case '+':
      zoomAtCenter(board, zoom * 1.25)
      return true
    case '-':
      zoomAtCenter(board, zoom / 1.25)
      return true
    case '0':
      zoomAtCenter(board, 1)
      return true
    default:
      return false
  }
}

function plain(board: Board, event: KeyboardEvent): boolean {
  if (event.altKey) return false
  const { selection, filled } = board.view.state
  const { key } = event
  const tool = tools[key.toLowerCase()]
  if (tool) {
    board.use(tool)
    return true
  }
  const way = arrows[key]
  if (way && selection.length > 0) {
    const step = event.shiftKey ? 10 : 1
    moveBy(board, selection, [way[0] * step, way[1] * step])
    return true
  }
  switch (key) {
    case 'Delete':
    case 'Backspace':
      remove(board, selection)
      return true
    case 'Escape':
      board.use('select')
      board.select([])
      return true
    case 'Enter': {
      const [id, ...more] = selection
      if (id === undefined || more.length > 0 || board.shape(id)?.kind !== 'text') return false
      board.view.set({ editing: id })
      return true
    }
    case 'f':
    case 'F':
      board.view.set({ filled: !filled })
      setFilled(board, selection, !filled)
      return true
    case ']':
    case '[':
      if (selection.length > 0) reorder(board, selection, key === ']')
      return true
    case '!':
      fit(board)
      return true
    default:
      return false
  }
}
