import { useHistory } from '@symphony-rtc/react'
import { useBox } from '../board/selection.js'
import { useBoard, useView } from '../model/board.js'
import { duplicate, remove, reorder } from '../model/edit.js'
import { grow } from '../model/geometry.js'
import { fit, zoomAtCenter } from '../view.js'
import { IconButton } from './button.js'

/** Undo and redo, of one's own changes only. */
export function HistoryButtons() {
  const { undo, redo, canUndo, canRedo } = useHistory()
  return (
    <div className="panel corner left" role="toolbar" aria-label="History">
      <IconButton icon="undo" label="Undo" keys="Ctrl Z" testId="undo" disabled={!canUndo} onClick={undo} />
      <IconButton icon="redo" label="Redo" keys="Ctrl ⇧ Z" testId="redo" disabled={!canRedo} onClick={redo} />
    </div>
  )
}

export function ZoomButtons() {
  const board = useBoard()
  const zoom = useView((view) => view.zoom)
  return (
    <div className="panel corner right" role="toolbar" aria-label="Zoom">
      <IconButton
        icon="minus"
        label="Smaller"
        testId="zoom-out"
        onClick={() => zoomAtCenter(board, zoom / 1.25)}
      />
      <button
        type="button"
        className="button percent"
        data-tip="Show everything"
        aria-label={`${Math.round(zoom * 100)} percent: show everything`}
        data-testid="zoom-fit"
        onClick={() => fit(board)}
      >
        {Math.round(zoom * 100)} %
      </button>
      <IconButton
        icon="plus"
        label="Larger"
        testId="zoom-in"
        onClick={() => zoomAtCenter(board, zoom * 1.25)}
      />
    </div>
  )
}

/** What can be done with the selected shapes: floats above them. */
export function SelectionButtons() {
  const board = useBoard()
  const selection = useView((view) => view.selection)
  const busy = useView((view) => view.frame !== undefined || view.editing !== undefined)
  const x = useView((view) => view.x)
  const y = useView((view) => view.y)
  const zoom = useView((view) => view.zoom)
  const box = useBox(selection)
  if (!box || busy) return null
  const around = grow({ x: x + box.x * zoom, y: y + box.y * zoom, w: box.w * zoom, h: box.h * zoom }, 6)
  const half = 86
  const left = Math.max(half + 8, Math.min(window.innerWidth - half - 8, around.x + around.w / 2))
  const above = around.y - 54
  const top = above > 68 ? above : Math.min(around.y + around.h + 14, window.innerHeight - 190)
  return (
    <div
      className="panel floating"
      role="toolbar"
      aria-label="Selection"
      style={{ transform: `translate(${Math.round(left - half)}px, ${Math.round(top)}px)` }}
    >
      <IconButton
        icon="front"
        label="To the front"
        keys="]"
        testId="front"
        onClick={() => reorder(board, selection, true)}
      />
      <IconButton
        icon="back"
        label="To the back"
        keys="["
        testId="back"
        onClick={() => reorder(board, selection, false)}
      />
      <IconButton
        icon="copy"
        label="Duplicate"
        keys="Ctrl D"
        testId="duplicate"
        onClick={() => board.select(duplicate(board, selection))}
      />
      <IconButton
        icon="trash"
        label="Delete"
        keys="Del"
        testId="delete"
        onClick={() => remove(board, selection)}
      />
    </div>
  )
}
