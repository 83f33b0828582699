// Joins rooms with the real y-websocket client and prints the text that each holds, as a JSON array.
// Usage: node texts.mjs URL ROOM...
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const [url, ...rooms] = process.argv.slice(2)
const texts = await Promise.all(
  rooms.map(async (room) => {
    const doc = new Y.Doc()
    const provider = new WebsocketProvider(url, room, doc, { WebSocketPolyfill: WebSocket, disableBc: true })
    await new Promise((resolve) => provider.once('sync', resolve))
    if (doc.store.pendingStructs !== null) throw new Error(`room ${room} waits for structs that never came`)
    return doc.getText('text').toString()
  }),
)
console.log(JSON.stringify(texts))
process.exit(0)
