// A shared text: CodeMirror bound to a Yjs text, synchronised by the ordinary y-websocket provider.
import { defaultKeymap } from '@codemirror/commands'
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { showPeople } from './people.js'
import { loadPerson, rename } from './person.js'
import { roomFromLocation, roomLink } from './room.js'
import { showStatus } from './status.js'

const room = roomFromLocation(window.location)
const socket = window.location.origin.replace(/^http/, 'ws')

const doc = new Y.Doc()
// disableBc: two windows of one browser shall talk through the server too, and not past it.
const provider = new WebsocketProvider(`${socket}/rooms`, encodeURIComponent(room), doc, { disableBc: true })
const text = doc.getText('text')
const undoManager = new Y.UndoManager(text)

let person = loadPerson(window.sessionStorage)
provider.awareness.setLocalStateField('user', person)

new EditorView({
  doc: text.toString(),
  parent: element('editor'),
  extensions: [
    keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
    drawSelection(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': 'Shared text' }),
    placeholder('Type here. Whoever has this page open sees it at once.'),
    yCollab(text, provider.awareness, { undoManager }),
  ],
}).focus()

showStatus(provider, element('status'))
showPeople(provider.awareness, element('people'))

const myName = element('my-name')
myName.value = person.name
element('my-dot').style.background = person.color
myName.addEventListener('input', () => {
  person = rename(window.sessionStorage, person, myName.value)
  // Without the cursor, which comes back with the next move: the binding draws the name only when a cursor appears.
  provider.awareness.setLocalState({ ...provider.awareness.getLocalState(), user: person, cursor: null })
})

const link = roomLink(window.location, room)
element('room').textContent = room
element('again').href = link
element('as-json').href = `/v1/rooms/${encodeURIComponent(room)}/document`
document.title = `${room} · Symphony`
element('copy').addEventListener('click', async (event) => {
  await navigator.clipboard.writeText(link)
  event.target.textContent = 'Copied'
})
// Another room needs another document: start over.
window.addEventListener('hashchange', () => window.location.reload())

function element(id) {
  return document.getElementById(id)
}
