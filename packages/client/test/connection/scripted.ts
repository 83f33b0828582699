// A WebSocket server that does what a test says, for what the real one cannot be made to do.
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as encoding from 'lib0/encoding'
import { type WebSocket, WebSocketServer } from 'ws'
import * as Y from 'yjs'

export function bytes(write: (e: encoding.Encoder) => void): Uint8Array {
  return encoding.encode(write)
}

export function hello(
  options: { generation?: number; readOnly?: boolean; maxMessage?: number } = {},
): Uint8Array {
  return bytes((e) => {
    encoding.writeVarUint(e, 100)
    encoding.writeVarString(e, 'scripted')
    encoding.writeVarUint(e, options.generation ?? 1)
    encoding.writeUint8(e, options.readOnly ? 0 : 1)
    encoding.writeVarUint(e, options.maxMessage ?? 0)
    // A field of a later version.
    encoding.writeVarString(e, 'from the future')
  })
}

export const sync = (step: 0 | 1 | 2, body: Uint8Array): Uint8Array =>
  bytes((e) => {
    encoding.writeVarUint(e, 0)
    encoding.writeVarUint(e, step)
    encoding.writeVarUint8Array(e, body)
  })

export const durable = (count: number): Uint8Array =>
  bytes((e) => {
    encoding.writeVarUint(e, 101)
    encoding.writeVarUint(e, count)
  })

/** What a server with a document sends first. */
export function greet(socket: WebSocket, doc: Y.Doc, options: Parameters<typeof hello>[0] = {}): void {
  socket.send(hello(options))
  socket.send(sync(0, Y.encodeStateVector(doc)))
}

export class ScriptedServer {
  readonly url: string
  readonly requests: IncomingMessage[] = []
  /** All that was received, on any connection. */
  readonly received: Uint8Array[] = []
  readonly #server: WebSocketServer

  private constructor(server: WebSocketServer) {
    this.#server = server
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/rooms/r`
  }

  /** @param connected is called with each socket and how many there were before */
  static async start(connected: (socket: WebSocket, count: number) => void): Promise<ScriptedServer> {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await new Promise((resolve) => wss.once('listening', resolve))
    const server = new ScriptedServer(wss)
    wss.on('connection', (socket, request) => {
      socket.on('message', (data: Buffer) => server.received.push(new Uint8Array(data)))
      connected(socket, server.requests.push(request) - 1)
    })
    return server
  }

  /** Answers step 1 with everything of a document. */
  static answer(socket: WebSocket, doc: Y.Doc): void {
    socket.on('message', (data: Buffer) => {
      if (data[0] === 0 && data[1] === 0) socket.send(sync(1, Y.encodeStateAsUpdate(doc)))
    })
  }

  count(type: number, step?: number): number {
    return this.received.filter((m) => m[0] === type && (step === undefined || m[1] === step)).length
  }

  async dispose(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
