import type * as Y from 'yjs'
import type { Awareness } from '../awareness.js'
import type { SymphonyError } from '../errors.js'

/**
 * Where the connection of a room stands:
 *
 * - `connecting`: the first attempt is under way
 * - `connected`: changes travel both ways
 * - `reconnecting`: the connection was lost or never made; attempts go on
 * - `offline`: the browser says that there is no network; attempts go on when there is
 * - `closed`: ended for good, because the room was left or the server refused
 */
export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'closed'

/**
 * How safe this client's own changes are, the least safe one counting:
 *
 * - `local`: only this client has them
 * - `received`: the server has them, but they are not known to survive its crash
 * - `durable`: they survive a crash of the server. Plain y-websocket servers cannot say so; with them `received` is the end
 */
export type SaveStatus = 'local' | 'received' | 'durable'

/**
 * How the server's storage does:
 *
 * - `fine`: what is edited becomes durable
 * - `delayed`: the server cannot store just now and tries again; until then nothing becomes `durable`
 * - `refusing`: so much waits to be stored that the server takes no more. Edits stay `local` and are sent when it does
 */
export type StorageStatus = 'fine' | 'delayed' | 'refusing'

/** A token, or a function that gets one whenever it is needed: on every connect, and when the server asks anew. */
export type Token = string | (() => string | Promise<string>)

/** What is used of the WebSocket interface; a browser's or the one of npm's `ws`. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocket

export interface ConnectionOptions {
  /** `ws(s)://host[/base]/rooms/<encoded room id>`. */
  url: string
  doc: Y.Doc
  awareness: Awareness
  token?: Token
  /** Least time between two presence messages, in ms. */
  presenceInterval: number
  WebSocket: WebSocketConstructor
  /** Is told what happens. Must not throw. Not called before the constructor returned. */
  tell: Tell
  /** Builds the first content of a room that nothing was ever written to. */
  initial?: () => Uint8Array
  /**
   * The server is known to speak symphony.v1, because this device knows the room's generation: never speak as to a plain
   * y-websocket server, that cannot tell the generation.
   */
  symphony?: boolean
  /**
   * Asked with the room's generation before anything is exchanged. If it returns false, the connection has sent and applied
   * nothing, closes itself without an error and stays closed: the room starts over with a new document.
   */
  acceptGeneration?: (generation: number) => boolean
}

/** Hears of an event, as the listener of an emitter. */
export type Tell = <K extends keyof ConnectionEvents>(name: K, ...args: ConnectionEvents[K]) => void

export interface ConnectionEvents {
  status: [ConnectionStatus]
  saveStatus: [SaveStatus]
  storage: [StorageStatus]
  /** The document contains what the server had. At most once per connect. */
  synced: []
  /** Somebody else's broadcast event, and the client id of who sent it. */
  event: [event: unknown, clientId: number]
  /** Something an application or a person should know. After a final one the status is `closed`. */
  error: [SymphonyError]
  /** The server's storage got worse. */
  warning: [SymphonyError]
}
