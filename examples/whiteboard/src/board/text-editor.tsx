import type { SyncedText } from '@symphony-rtc/client'
import { useText } from '@symphony-rtc/react'
import { useEffect, useLayoutEffect, useRef } from 'react'
import { type Board, useBoard, useView } from '../model/board.js'
import { remove } from '../model/edit.js'
import { fontSize, lineHeight, readShape, type ShapeMap, textSize } from '../model/shape.js'

/** The text field over the text shape that is being typed in. Others may type in it at the same time. */
export function TextEditor() {
  const board = useBoard()
  const editing = useView((view) => view.editing)
  const map = editing === undefined ? undefined : board.map(editing)
  const text = map && readShape(map).text
  if (editing === undefined || !map || !text) return null
  return <Field key={editing} id={editing} map={map} text={text} />
}

function Field({ id, map, text }: { id: string; map: ShapeMap; text: SyncedText }) {
  const board = useBoard()
  const field = useRef<HTMLTextAreaElement>(null)
  const caret = useCaret(text, field)
  const [words] = useText(text)
  const x = useView((view) => view.x)
  const y = useView((view) => view.y)
  const zoom = useView((view) => view.zoom)

  // At once, so that no key is lost, and within the event that asked for it, so that phones show their keyboard.
  useLayoutEffect(() => {
    field.current?.focus()
    field.current?.setSelectionRange(text.length, text.length)
  }, [text])

  const shape = readShape(map)
  const size = fontSize(shape.width)
  const [w, h] = textSize(words, size)
  return (
    <textarea
      ref={field}
      className="words"
      data-testid="text-editor"
      aria-label="Text"
      placeholder="Type…"
      spellCheck={false}
      autoComplete="off"
      value={words}
      onChange={(event) => {
        board.room.bundle(() => replace(text, words, event.target.value))
        caret.remember()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') event.currentTarget.blur()
        event.stopPropagation() // letters are text here, not tools
      }}
      onBlur={() => finish(board, id)}
      style={{
        color: `var(--${shape.color})`,
        font: `${size}px/${lineHeight} var(--writing)`,
        width: w + size,
        height: h,
        transform: `translate(${x}px, ${y}px) scale(${zoom}) translate(${shape.at[0]}px, ${shape.at[1]}px)`,
      }}
    />
  )
}

function finish(board: Board, id: string): void {
  board.view.set({ editing: undefined })
  const text = board.shape(id)?.text
  if (text && text.toString().trim() === '') remove(board, [id])
  board.history.resume()
  if (board.view.state.tool !== 'text') return
  board.use('select')
  if (board.map(id)) board.select([id])
}

/** Changes only what is different, so that what somebody else types meanwhile stays. */
function replace(text: SyncedText, before: string, after: string): void {
  let start = 0
  const shorter = Math.min(before.length, after.length)
  while (start < shorter && before[start] === after[start]) start++
  let end = 0
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++
  if (before.length - start - end > 0) text.delete(start, before.length - start - end)
  if (after.length - start - end > 0) text.insert(start, after.slice(start, after.length - end))
}

/** Keeps the caret at its place in the text when somebody else writes before it. */
function useCaret(text: SyncedText, field: React.RefObject<HTMLTextAreaElement | null>) {
  const moved = useRef<readonly [number, number] | undefined>(undefined)
  useEffect(() => {
    const listener = (
      event: { delta?: Delta[]; changes?: { delta: Delta[] } },
      transaction: { local: boolean },
    ) => {
      const element = field.current
      if (!element || transaction.local) return
      const delta = event.delta ?? event.changes?.delta ?? []
      moved.current = [follow(delta, element.selectionStart), follow(delta, element.selectionEnd)]
    }
    text.observe(listener as never)
    return () => text.unobserve(listener as never)
  }, [text, field])
  useLayoutEffect(() => {
    if (moved.current) field.current?.setSelectionRange(...moved.current)
    moved.current = undefined
  })
  return {
    remember() {
      moved.current = undefined
    },
  }
}

interface Delta {
  retain?: number
  insert?: unknown
  delete?: number
}

/** Where a place of a text is after a change. */
function follow(delta: readonly Delta[], place: number): number {
  let at = 0
  let moved = place
  for (const { retain = 0, insert, delete: gone = 0 } of delta) {
    if (at >= place) break
    at += retain
    if (insert !== undefined && at < place) moved += typeof insert === 'string' ? insert.length : 1
    if (gone > 0) {
      moved -= Math.min(gone, Math.max(0, place - at))
      at += gone
    }
  }
  return moved
}
