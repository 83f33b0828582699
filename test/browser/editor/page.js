// CodeMirror bound to a room by its own binding for Yjs, y-codemirror.next, as its README says: the binding is given a Y.Text of
// room.doc and room.awareness, and nothing else of Symphony. The address says where and who: #<server>/<room>/<name>/<hue>
import { defaultKeymap } from '@codemirror/commands'
import { drawSelection, EditorView, keymap } from '@codemirror/view'
import { SymphonyClient } from '@symphony-rtc/client'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'

const [server, id, name, hue] = window.location.hash.slice(1).split('/').map(decodeURIComponent)
const room = new SymphonyClient(`ws://${server}`).enter(id)
const text = room.doc.getText('text')
const { awareness } = room
awareness.setLocalStateField('user', {
  name,
  color: `hsl(${hue} 70% 42%)`,
  colorLight: `hsl(${hue} 90% 85%)`,
})

new EditorView({
  doc: text.toString(),
  parent: document.getElementById('editor'),
  extensions: [
    keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
    drawSelection(),
    EditorView.lineWrapping,
    yCollab(text, awareness),
  ],
}).focus()

const status = document.getElementById('status')
const show = () => {
  status.dataset.state = room.status
  status.textContent = `${name} in ${id}: ${room.status}, ${room.saveStatus}`
}
room.on('status', show)
room.on('saveStatus', show)
show()
window.room = room
