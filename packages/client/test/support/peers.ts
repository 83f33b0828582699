// Clients for tests of the connection, and waiting for what they come to.
import WS from 'ws'
import * as Y from 'yjs'
import { Awareness } from '../../src/awareness.js'
import { Connection } from '../../src/connection/connection.js'
import type {
  ConnectionEvents,
  ConnectionOptions,
  SaveStatus,
  WebSocketConstructor,
} from '../../src/connection/types.js'
import { Emitter } from '../../src/emitter.js'
import type { SymphonyError } from '../../src/errors.js'

export const NodeWebSocket = WS as unknown as WebSocketConstructor

/** Waits until something is true; fails after 20 s, saying what did not come. */
export async function until(what: string, reached: () => boolean): Promise<void> {
  for (let end = Date.now() + 20_000; Date.now() < end; ) {
    if (reached()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`not within 20 s: ${what}`)
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The global WebSocket of npm's ws, noting what each socket sends. */
export class Recorder {
  static readonly plain = WS as any
  readonly sent: Uint8Array[] = []
  readonly WebSocket: WebSocketConstructor
  /** How many sockets were made. */
  sockets = 0
  readonly urls: string[] = []

  constructor() {
    const recorder = this
    this.WebSocket = class extends WS {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols ?? [])
        recorder.sockets++
        recorder.urls.push(url)
      }
      override send(data: any): void {
        recorder.sent.push(new Uint8Array(data))
        super.send(data)
      }
    } as unknown as WebSocketConstructor
  }

  /** How many messages of a type, and of sync messages of a step, went out. */
  count(type: number, step?: number): number {
    return this.sent.filter((m) => m[0] === type && (step === undefined || m[1] === step)).length
  }
}

/** A document with a connection, that notes what the connection tells. */
export class Peer {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly connection: Connection
  readonly errors: SymphonyError[] = []
  readonly saves: SaveStatus[] = []
  readonly statuses: string[] = []
  readonly events: [unknown, number][] = []
  syncs = 0
  readonly #events = new Emitter<ConnectionEvents>()
  readonly on: Emitter<ConnectionEvents>['on'] = (name, listener) => this.#events.on(name, listener)

  constructor(url: string, options: Partial<ConnectionOptions> = {}) {
    this.doc = options.doc ?? new Y.Doc()
    this.awareness = options.awareness ?? new Awareness(this.doc)
    this.on('error', (error) => this.errors.push(error))
    this.on('saveStatus', (status) => this.saves.push(status))
    this.on('status', (status) => this.statuses.push(status))
    this.on('synced', () => this.syncs++)
    this.on('event', (event, client) => this.events.push([event, client]))
    this.connection = new Connection({
      url,
      presenceInterval: 100,
      WebSocket: NodeWebSocket,
      tell: (name, ...args) => void this.#events.emit(name, ...args),
      ...options,
      doc: this.doc,
      awareness: this.awareness,
    })
  }

  get text(): Y.Text {
    return this.doc.getText('t')
  }

  get list(): Y.Array<unknown> {
    return this.doc.getArray('l')
  }

  synced(): Promise<void> {
    return until('synced', () => this.connection.synced)
  }

  saved(): Promise<void> {
    return until('durable', () => this.connection.synced && this.connection.saveStatus === 'durable')
  }

  destroy(): void {
    this.connection.destroy()
    this.awareness.destroy()
    this.doc.destroy()
  }
}

/** Whether all have the same content, deletions included. */
export function same(...docs: Y.Doc[]): boolean {
  const [first, ...others] = docs.map((doc) => JSON.stringify([...encode(doc)]))
  return others.every((other) => other === first)
}

function encode(doc: Y.Doc): Uint8Array {
  return Y.encodeSnapshot(Y.snapshot(doc))
}
