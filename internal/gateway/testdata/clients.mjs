// Clients for TestNodeClients: node clients.mjs ws://host:port/rooms. Prints "all well" or fails.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const rooms = process.argv[2]
setTimeout(() => {
  console.error('took too long')
  process.exit(1)
}, 30_000).unref()

const open = async (room, protocols) => {
  const ws = new WebSocket(`${rooms}/${room}`, protocols)
  await once(ws, 'open')
  return ws
}

// ws: subprotocol, no extension, fragments, pings, large messages.
const a = await open('plain', ['other', 'symphony.v1'])
const b = await open('plain')
assert.equal(a.protocol, 'symphony.v1')
assert.equal(b.protocol, '')
assert.equal(a.extensions, '')
a.send(Buffer.from('one '), { fin: false })
a.ping()
a.send(Buffer.from('two'), { fin: true })
const [, [message, binary]] = await Promise.all([once(a, 'pong'), once(b, 'message')])
assert.equal(message.toString(), 'one two')
assert.equal(binary, true)
const large = Buffer.alloc(1 << 20, 'x')
b.send(large)
assert.ok((await once(a, 'message'))[0].equals(large))

// Close codes reach the client, and the connection ends at once.
b.send(Buffer.alloc((1 << 20) + 1))
const [tooLarge, why] = await once(b, 'close')
assert.equal(tooLarge, 4413)
assert.match(why.toString(), /1048576/)
a.send('text')
assert.equal((await once(a, 'close'))[0], 4400)
const c = await open('plain')
c.close(1000, 'done')
assert.equal((await once(c, 'close'))[0], 1000)

// y-websocket: two documents converge through an opaque relay.
const docs = [new Y.Doc(), new Y.Doc()]
const providers = docs.map(
  (doc) => new WebsocketProvider(rooms, 'shared', doc, { WebSocketPolyfill: WebSocket, disableBc: true }),
)
await Promise.all(
  providers.map(
    (p) => new Promise((resolve) => p.on('status', (e) => e.status === 'connected' && resolve())),
  ),
)
for (const [i, doc] of docs.entries()) doc.getText('t').insert(0, `from ${i}. `)
const converged = () =>
  docs[0].getText('t').length === 16 && docs[0].getText('t').toString() === docs[1].getText('t').toString()
while (!converged()) await new Promise((resolve) => setTimeout(resolve, 5))
for (const provider of providers) provider.destroy()
console.log('all well')
process.exit(0)
