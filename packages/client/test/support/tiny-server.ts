// A server of symphony.v1 for what the real one cannot be made to do yet: a room whose document was replaced by another.
// Everything else is tested against the real server.
import type { AddressInfo } from 'node:net'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { type WebSocket, WebSocketServer } from 'ws'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

export class TinyServer {
  readonly url: string
  doc = new Y.Doc()
  generation = 1
  readonly #server: WebSocketServer
  readonly #sockets = new Set<WebSocket>()

  private constructor(server: WebSocketServer) {
    this.#server = server
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (socket) => this.#serve(socket))
  }

  static async start(): Promise<TinyServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await new Promise((resolve) => server.once('listening', resolve))
    return new TinyServer(server)
  }

  /** Replaces the document by an unrelated one, and sends everybody away to come back. */
  replace(doc: Y.Doc): void {
    this.doc = doc
    this.generation++
    for (const socket of this.#sockets) socket.close(4501, 'the room was replaced')
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: WebSocket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    let count = 0
    socket.send(
      message((e) => {
        encoding.writeVarUint(e, 100)
        encoding.writeVarString(e, 'tiny')
        encoding.writeVarUint(e, this.generation)
        encoding.writeUint8(e, 1)
        encoding.writeVarUint(e, 1 << 20)
      }),
    )
    socket.send(
      message((e) => {
        encoding.writeVarUint(e, 0)
        sync.writeSyncStep1(e, this.doc)
      }),
    )
    socket.on('message', (data: Buffer) => {
      const d = decoding.createDecoder(new Uint8Array(data))
      if (decoding.readVarUint(d) !== 0) return
      const answer = message((e) => {
        encoding.writeVarUint(e, 0)
        if (sync.readSyncMessage(d, e, this.doc, socket) !== sync.messageYjsSyncStep1) count++
      })
      if (answer.length > 1) socket.send(answer)
      if (count > 0)
        socket.send(
          message((e) => {
            encoding.writeVarUint(e, 101)
            encoding.writeVarUint(e, count)
          }),
        )
    })
  }
}

function message(write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder()
  write(encoder)
  return encoding.toUint8Array(encoder)
}
