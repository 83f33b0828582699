import type { Token } from './connection/types.js'
import { SymphonyError } from './errors.js'
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
    const given = typeof url === 'object' && url !== null ? url : { ...options, url }
    this.url = serverUrl(given.url)
    this.#options = given
    const { presenceInterval } = given
    if (presenceInterval !== undefined && !(presenceInterval >= 0))
      throw new SymphonyError('invalid-argument', 'presenceInterval is a number of milliseconds')
  }

  /** Enters a room. Returns it at once, and the same one as long as it is not left; connecting goes on behind it. */
  enter<P extends Presence = Presence>(roomId: string): Room<P> {
    if (typeof roomId !== 'string' || roomId === '' || new TextEncoder().encode(roomId).length > 255)
      throw new SymphonyError('invalid-argument', 'client.enter takes a room id: a string of 1 to 255 bytes')
    if (roomId === '.' || roomId === '..')
      throw new SymphonyError(
        'invalid-argument',
        `client.enter: browsers cannot ask for a room named "${roomId}"`,
      )
    const known = this.#rooms.get(roomId)
    if (known && known.status !== 'closed') return known
    void known?.leave()
    const WebSocket = this.#options.WebSocket ?? globalThis.WebSocket
    if (!WebSocket)
      throw new SymphonyError(
        'invalid-argument',
        'there is no WebSocket here: npm install ws, then new SymphonyClient(url, { WebSocket: WebSocket from "ws" })',
      )
    const url = `${this.url}/rooms/${encodeURIComponent(roomId)}`
    const room = new Room<P>({
      id: roomId,
      url,
      key: url,
      token: this.#options.token,
      offline: this.#options.offline ?? globalThis.indexedDB !== undefined,
      presenceInterval: this.#options.presenceInterval ?? 100,
      WebSocket,
    })
    this.#rooms.set(roomId, room)
    return room
  }

  /** Leaves a room, or all rooms, and frees what they hold. Resolves when what was edited is on this device. */
  async leave(roomId?: string): Promise<void> {
    const ids = roomId === undefined ? [...this.#rooms.keys()] : [roomId]
    await Promise.all(
      ids.map((id) => {
        const room = this.#rooms.get(id)
        this.#rooms.delete(id)
        return room?.leave()
      }),
    )
  }
}

const local = /^(localhost|127(\.\d+){3}|\[::1\])(:|\/|$)/i

function serverUrl(given: unknown): string {
  const bad = (why: string) =>
    new SymphonyError(
      'invalid-argument',
      `new SymphonyClient(${JSON.stringify(given)}): ${why}; give the server's address, such as "https://rooms.example.com"`,
    )
  if (typeof given !== 'string' || given.trim() === '') throw bad('that is no address')
  let text = given.trim()
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(text)) text = `${local.test(text) ? 'ws' : 'wss'}://${text}`
  let url: URL
  try {
    url = new URL(text.replace(/^http/i, 'ws'))
  } catch {
    throw bad('that is no URL')
  }
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw bad(`rooms are not reached by ${url.protocol}`)
  if (url.hash || url.search) throw bad('an address has no "?" or "#"')
  if (url.username || url.password)
    throw bad('browsers send no name and password this way; use the token option')
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '').replace(/\/rooms$/, '')}`
}
