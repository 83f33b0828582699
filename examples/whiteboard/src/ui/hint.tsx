import { useShapes } from '../board/order.js'
import { linkTo } from '../location.js'
import { useBoard } from '../model/board.js'
import { Icon } from './icons.js'

/** What an empty board invites to. */
export function Hint() {
  const { room } = useBoard()
  const empty = useShapes().length === 0
  if (!empty) return null
  return (
    <div className="hint" data-testid="hint">
      <svg viewBox="0 0 220 70" width="220" height="70" aria-hidden="true">
        <path d="M12 46c18-34 38-34 42-10s-14 26-12 8 30-36 46-20-2 30-8 20 22-34 42-22 6 30 18 26 22-24 34-20 12 18 26 6" />
      </svg>
      <h2>Draw something</h2>
      <p>Everybody who has this board open sees it while you draw.</p>
      <a className="call" href={linkTo(room.id)} target="_blank" rel="noopener" data-testid="second-window">
        <Icon name="window" />
        Open a second window
      </a>
    </div>
  )
}
