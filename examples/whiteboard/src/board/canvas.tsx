import { type MouseEvent, useEffect, useRef } from 'react'
import { useBoard, useView } from '../model/board.js'
import { shapeAt } from '../model/edit.js'
import { Cursors } from './cursors.js'
import { useShapes } from './order.js'
import { usePointers } from './pointers.js'
import { OthersSelections, Selection } from './selection.js'
import { ShapeView } from './shape-view.js'
import { TextEditor } from './text-editor.js'

/** The board itself: everything that is drawn, and the pointers that draw it. */
export function Canvas() {
  const board = useBoard()
  const tool = useView((view) => view.tool)
  const { begin, handlers } = usePointers()
  const surface = useWheel()

  const doubleClick = (event: MouseEvent) => {
    if (board.view.state.tool !== 'select') return
    const id = shapeAt(board, board.onBoard([event.clientX, event.clientY]), 6 / board.view.state.zoom)
    if (id !== undefined && board.shape(id)?.kind === 'text') board.view.set({ editing: id })
  }

  return (
    <div ref={surface} className="canvas" data-testid="canvas" data-tool={tool}>
      <Grid />
      <svg
        className="surface"
        role="application"
        aria-label="Board"
        data-testid="board"
        {...handlers}
        onDoubleClick={doubleClick}
      >
        <World>
          <Shapes />
          <OthersSelections />
          <Selection begin={begin} />
        </World>
      </svg>
      <TextEditor />
      <Cursors />
    </div>
  )
}

function World({ children }: { children: React.ReactNode }) {
  const x = useView((view) => view.x)
  const y = useView((view) => view.y)
  const zoom = useView((view) => view.zoom)
  return <g transform={`translate(${x} ${y}) scale(${zoom})`}>{children}</g>
}

function Shapes() {
  const shapes = useShapes()
  const editing = useView((view) => view.editing)
  return shapes.map(([id, map]) => <ShapeView key={id} id={id} map={map} hidden={id === editing} />)
}

/** Dots that move with the board, so that one sees that it moves. */
function Grid() {
  const x = useView((view) => view.x)
  const y = useView((view) => view.y)
  const zoom = useView((view) => view.zoom)
  const step = 24 * zoom * (zoom < 0.3 ? 8 : zoom < 0.7 ? 4 : 1)
  return (
    <div
      className="grid"
      style={{
        backgroundSize: `${step}px ${step}px`,
        backgroundPosition: `${x - step / 2}px ${y - step / 2}px`,
      }}
    />
  )
}

/** The wheel moves the board; with Ctrl, or a pinch on a touchpad, it zooms. */
function useWheel() {
  const board = useBoard()
  const surface = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = surface.current
    const wheel = (event: WheelEvent) => {
      event.preventDefault() // a listener of React could not: it is passive
      const { x, y, zoom } = board.view.state
      const line = event.deltaMode === 1 ? 24 : 1
      if (event.ctrlKey || event.metaKey) {
        board.zoomTo(zoom * Math.exp(-event.deltaY * line * 0.004), [event.clientX, event.clientY])
      } else if (event.shiftKey && event.deltaX === 0) {
        board.view.set({ x: x - event.deltaY * line })
      } else {
        board.view.set({ x: x - event.deltaX * line, y: y - event.deltaY * line })
      }
    }
    element?.addEventListener('wheel', wheel, { passive: false })
    return () => element?.removeEventListener('wheel', wheel)
  }, [board])
  return surface
}
