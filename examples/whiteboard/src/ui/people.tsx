import { useOthers, usePresence } from '@symphony-rtc/react'
import { useState } from 'react'
import { type Presence, useBoard } from '../model/board.js'
import { colorOf, initials, keepName, nameOf } from '../person.js'

const shown = 4

/** Who is here: the others as circles, oneself with a name to edit. */
export function People() {
  const others = useOthers<Presence>()
  const more = others.length - shown
  return (
    <>
      {others.length > 0 && (
        <ul className="people" aria-label="Others on this board" data-testid="people">
          {others.slice(0, shown).map(({ clientId, presence: { name, color } }) => (
            <li
              key={clientId}
              data-testid="person"
              data-tip={nameOf(name)}
              style={{ background: colorOf(color) }}
            >
              <span aria-hidden="true">{initials(nameOf(name))}</span>
              <span className="unseen">{nameOf(name)}</span>
            </li>
          ))}
          {more > 0 && (
            <li
              className="more"
              data-tip={others
                .slice(shown)
                .map(({ presence }) => nameOf(presence.name))
                .join(', ')}
            >
              +{more}
            </li>
          )}
        </ul>
      )}
      <Me />
    </>
  )
}

function Me() {
  const { room } = useBoard()
  const [color] = usePresence((presence: Presence) => presence.color)
  const [name, setName] = useState(() => nameOf(room.getPresence().name))
  const rename = (text: string) => {
    setName(text)
    if (text.trim() === '') return
    keepName(text.trim())
    room.updatePresence({ name: text.trim() })
  }
  return (
    <label className="me">
      <span className="avatar" style={{ background: colorOf(color) }} aria-hidden="true">
        {initials(name)}
      </span>
      <input
        aria-label="Your name"
        data-testid="name"
        maxLength={40}
        autoComplete="off"
        spellCheck={false}
        value={name}
        onChange={(event) => rename(event.target.value)}
        onBlur={() => setName(nameOf(room.getPresence().name))}
        onKeyDown={(event) => {
          if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur()
        }}
      />
    </label>
  )
}
