import { useOthers } from '@symphony-rtc/react'
import { type Presence, useView } from '../model/board.js'
import { colorOf, nameOf } from '../person.js'

/** The pointers of the others, with their names. They glide from one place they told to the next. */
export function Cursors() {
  const others = useOthers<Presence>()
  const x = useView((view) => view.x)
  const y = useView((view) => view.y)
  const zoom = useView((view) => view.zoom)
  return (
    <div className="cursors" aria-hidden="true">
      <div style={{ transform: `translate(${x}px, ${y}px) scale(${zoom})` }}>
        {others.map(({ clientId, presence: { cursor, name, color } }) =>
          Array.isArray(cursor) && cursor.every(Number.isFinite) ? (
            <div
              key={clientId}
              className="cursor"
              data-testid="cursor"
              style={{ transform: `translate(${cursor[0]}px, ${cursor[1]}px)` }}
            >
              <div style={{ transform: `scale(${1 / zoom})`, color: colorOf(color) }}>
                <svg width="20" height="22" viewBox="0 0 20 22" aria-hidden="true">
                  <path d="M2 2l5.2 16.2 3.3-6.6 7-2.6z" />
                </svg>
                <span>{nameOf(name)}</span>
              </div>
            </div>
          ) : null,
        )}
      </div>
    </div>
  )
}
