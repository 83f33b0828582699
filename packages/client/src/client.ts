import type { Token } from './connection/types.js'
import { byteLength, invalid } from './errors.js'
import type { Initial } from './initial.js'
import { type Presence, Room } from './room.js'
import { mustBeTheOnlyYjs } from './yjs-guard.js'

/** How a client works. */
export interface ClientOptions {
  /**
   * What to show to servers that ask who one is: a token, or a function that gets one. The function is called on every connect
   * and when the server asks anew.
   */
  token?: Token
  /** Whether rooms are kept on this device, so that edits survive closing the page. True by default where IndexedDB exists. */
  offline?: boolean
  /** Least time between two presence messages, in ms. 100 by default. */
  presenceInterval?: number
  /** What connects. The global WebSocket by default; in Node.js before 22 give that of the package `ws`. */
  WebSocket?: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket
}

/** How a room is entered. */
export interface EnterOptions {
  /**
   * Fills the room with its first content, if nothing was ever written to it: `{ initial: (room) => room.newList('todos').push('Look
   * around') }`. It is called at most once, when the server said that it has nothing, and what it builds is
   * in the room once, however many clients do so at the same time and however often they lose the connection.
   * `room.synced()` resolves when it is there, or other content is.
   *
   * It is not called if this device has content of the room, or if the client may only read. An edit that is made before
   * `synced()` is content too: if it comes before the server was asked, the room begins with it; if later, it comes on top.
   *
   * It must not be async. If it throws, the room says so with an `error`, and stays empty.
   *
   * A plain y-websocket server cannot decide who comes first: there it is put into a document that is empty once synced, and
   * clients that race double it, unless all build the very same, without dates and random ids.
   */
  initial?: Initial
}

/** A client of one Symphony server. Make one for the application; it connects when a room is entered. */
export class SymphonyClient {
  /** `ws(s)://host[:port][/base]`, from whatever the constructor was given. */
  readonly url: string
  readonly #options: ClientOptions
  readonly #rooms = new Map<string, Room<any>>()

  /**
   * @param url of the server: `wss://`, `ws://`, `https://`, `http://` or a bare host, with a path if the server has one before
   * `/rooms`. A bare host means `wss://`, or `ws://` for one on this machine.
   * @throws SymphonyError `invalid-argument` if that is no URL
   */
  constructor(url: string | (ClientOptions & { url: string }), options: ClientOptions = {}) {
    mustBeTheOnlyYjs()
    const given = { ...options, ...(typeof url === 'object' ? url : { url }) }
    this.url = serverUrl(given.url)
    this.#options = given
    if (!((given.presenceInterval ?? 0) >= 0)) invalid('presenceInterval takes milliseconds')
  }

  /**
   * Enters a room. Returns it at once, and the same one as long as it is not left; connecting goes on behind it. The options
   * count if it was not entered before.
   */
  enter<P extends Presence = Presence>(roomId: string, { initial }: EnterOptions = {}): Room<P> {
    // Browsers cannot ask for "." and "..".
    if (typeof roomId !== 'string' || /^\.{0,2}$/.test(roomId) || byteLength(roomId) > 255)
      invalid('client.enter takes an id of 1 to 255 bytes, not . or ..')
    const known = this.#rooms.get(roomId)
    if (known && known.status !== 'closed') return known
    void known?.leave()
    const {
      offline = !!globalThis.indexedDB,
      presenceInterval = 100,
      WebSocket = globalThis.WebSocket,
    } = this.#options
    if (!WebSocket)
      invalid('client.enter: no WebSocket; npm install ws, and give new SymphonyClient(url, { WebSocket })')
    const room = new Room<P>({
      ...this.#options,
      id: roomId,
      url: `${this.url}/rooms/${encodeURIComponent(roomId)}`,
      initial,
      offline,
      presenceInterval,
      WebSocket,
    })
    this.#rooms.set(roomId, room)
    return room
  }

  /** Leaves a room, or all rooms, and frees what they hold. Resolves when what was edited is on this device. */
  async leave(roomId?: string): Promise<void> {
    await Promise.all(
      (roomId === undefined ? [...this.#rooms.keys()] : [roomId]).map((id) => {
        const room = this.#rooms.get(id)
        this.#rooms.delete(id)
        return room?.leave()
      }),
    )
  }
}

const local = /^(localhost|127[.\d]+|\[::1])([:/]|$)/i

function serverUrl(given: unknown): string {
  try {
    const text = (given as string).trim()
    const known = text.includes('://') ? text : `${local.test(text) ? 'ws' : 'wss'}://${text}`
    const { href, origin, pathname } = new URL(known.replace(/^http/i, 'ws'))
    // Nothing else may be in it; browsers send no name and password this way.
    if (/^ws/.test(origin) && href === origin + pathname)
      return origin + pathname.replace(/(\/rooms)?\/*$/, '')
  } catch {
    // Neither is this an address.
  }
  return invalid(
    `new SymphonyClient(${JSON.stringify(given)}): give the server's address only, as "https://example.com"`,
  )
}
