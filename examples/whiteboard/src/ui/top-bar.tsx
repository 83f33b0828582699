import { useState } from 'react'
import { exportPng, exportSvg } from '../export.js'
import { linkTo, openNewBoard } from '../location.js'
import { useBoard } from '../model/board.js'
import { IconButton } from './button.js'
import { Sign } from './icons.js'
import { People } from './people.js'
import { Status } from './status.js'

export function TopBar() {
  const { room } = useBoard()
  return (
    <header className="top">
      <div className="panel title">
        <Sign />
        <h1 title={room.id} data-testid="room">
          {room.id}
        </h1>
        <Status />
        <span className="divider" />
        <IconButton icon="plus" label="New board" testId="new-board" onClick={openNewBoard} />
        <Export />
      </div>
      <div className="panel">
        <People />
        <Share />
      </div>
    </header>
  )
}

function Share() {
  const { room } = useBoard()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    if (!(await copyText(linkTo(room.id)))) return
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <IconButton
      icon={copied ? 'check' : 'link'}
      label={copied ? 'Copied' : 'Copy the link to this board'}
      testId="share"
      onClick={() => void copy()}
    >
      <span className="word">{copied ? 'Copied' : 'Share'}</span>
    </IconButton>
  )
}

/** Copies a text; where the browser does not let the page, the person gets it to copy. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    window.prompt('Copy this link:', text)
    return false
  }
}

function Export() {
  const board = useBoard()
  return (
    <>
      <button
        type="button"
        className="button"
        popoverTarget="export"
        aria-label="Download the board"
        data-tip="Download"
        data-testid="export"
      >
        <svg className="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path d="M10 3.5v9M6.2 9L10 12.7 13.8 9M4 16h12" />
        </svg>
      </button>
      <div id="export" popover="auto" className="menu">
        <button type="button" data-testid="export-png" onClick={() => void exportPng(board)}>
          Picture <kbd>PNG</kbd>
        </button>
        <button type="button" data-testid="export-svg" onClick={() => exportSvg(board)}>
          Drawing <kbd>SVG</kbd>
        </button>
        <a href={`/v1/rooms/${encodeURIComponent(board.room.id)}/document`} target="_blank" rel="noreferrer">
          Document <kbd>JSON</kbd>
        </a>
        <a href="/assets/licenses.txt" target="_blank" rel="noreferrer">
          Licences of this page
        </a>
      </div>
    </>
  )
}
