import type { SymphonyError } from '../errors.js'
import { backoff } from './backoff.js'
import { type Liveness, watchLiveness } from './liveness.js'
import { noNetwork, type PageEvent, watchPage } from './page.js'
import { failed, misunderstood, refused, tokenFailed, unreachable } from './problems.js'
import { connectTimeout, greetTimeout, maxGarbage, stableTime } from './times.js'
import type { ConnectionOptions, ConnectionStatus, Tell, Token } from './types.js'
import { subprotocol } from './wire.js'

/** Keeps a WebSocket to a server open: connects, retries, and notices when nobody is at the other end any more. */
export abstract class Line {
  /** Where the connection stands. */
  status: ConnectionStatus = 'connecting'
  protected readonly tell: Tell
  /** The server is known to speak symphony.v1. */
  protected symphony: boolean
  readonly #url: string
  readonly #options: ConnectionOptions
  readonly #unwatch = watchPage((event) => this.#onPage(event))
  #socket: WebSocket | undefined
  /**
   * Whether the next attempt offers the subprotocol. Some plain servers ignore it, and browsers fail a connection then as if
   * the server were down; so every other attempt asks in the URL instead, which all understand or ignore.
   */
  #offer = true
  /** Told to the socket's callbacks and to tokens: what belongs to another attempt comes too late. */
  #attempt = 0
  #failures = 0
  #garbage = 0
  /** When the connection was established, in ms of `performance.now()`. */
  #since = 0
  /** The failures since the connection last stood were reported. */
  #complained = false
  #everConnected = false
  /** Ends the attempt, or begins the next. */
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Of a socket that is open. */
  #liveness: Liveness | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.tell = options.tell
    this.#url = options.url
    this.symphony = options.symphony ?? false
    void this.#connect()
  }

  /** The socket is open. `plain`: the server did not choose the subprotocol, so it may never say hello. */
  protected abstract opened(plain: boolean): void
  protected abstract received(data: unknown): void
  /** An open socket is gone. */
  protected abstract lost(): void
  /** Makes the server say something. */
  protected abstract probe(): void
  protected abstract onPage(event: PageEvent): void

  protected send(message: Uint8Array): void {
    if (this.#socket?.readyState === 1) this.#socket.send(message as Uint8Array<ArrayBuffer>)
  }

  /** The other end speaks the protocol: the connection stands. */
  protected established(symphony: boolean): void {
    clearTimeout(this.#timer)
    if (symphony) this.symphony = true
    this.#since = performance.now()
    this.#complained = false
    this.#everConnected = true
    this.#setStatus('connected')
  }

  /** The first sync is through: long silence is not explained by a long message any more. */
  protected settled(): void {
    this.#liveness?.settled()
  }

  /** What came cannot be understood. */
  protected misunderstood(cause: unknown): void {
    if (this.#stable) this.#garbage = 0
    const final = ++this.#garbage >= maxGarbage
    const error = misunderstood(this.#url, cause, final)
    if (final) this.end(error)
    else this.#failed(error)
  }

  /** Closes for good. */
  protected end(error?: SymphonyError): void {
    if (this.#ended) return
    this.status = 'closed'
    this.#unwatch()
    this.#release()
    if (error) this.tell('error', error)
    this.tell('status', 'closed')
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#attempt
    const { token, WebSocket } = this.#options
    this.#deadline(greetTimeout, 'the token took too long')
    const address = new URL(this.#url)
    const query = address.searchParams
    try {
      const text = await getToken(token)
      if (text !== undefined) query.set('token', text)
    } catch (cause) {
      if (attempt === this.#attempt) this.#failed(tokenFailed(cause))
      return
    }
    if (attempt !== this.#attempt) return
    if (!this.#offer) query.set('protocol', subprotocol)
    let socket: WebSocket
    try {
      socket = new WebSocket(address.href, this.#offer ? [subprotocol] : [])
    } catch (cause) {
      this.#failed(unreachable(this.#url, cause))
      return
    }
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    this.#deadline(connectTimeout)
    socket.onopen = () => this.#opened(socket)
    socket.onmessage = (event) => {
      this.#liveness?.heard()
      this.received(event.data)
    }
    // Says nothing that the close event, which follows, does not; but npm's ws throws if nobody listens.
    socket.onerror = () => {}
    socket.onclose = (event) => this.#closed(event.code, event.reason)
  }

  #opened(socket: WebSocket): void {
    this.#deadline(greetTimeout)
    this.#liveness = watchLiveness(
      socket,
      () => this.probe(),
      () => this.#failed(unreachable(this.#url, 'no answer')),
    )
    this.opened(socket.protocol !== subprotocol)
  }

  #closed(code: number, reason: string): void {
    if (code >= 4400 && code < 4500) this.end(refused(this.#url, code, reason))
    else if (code === 4500) this.#failed(failed('internal', this.#url, reason))
    else this.#failed(unreachable(this.#url, reason || `WebSocket close code ${code}`), !this.#liveness)
  }

  /** An attempt or a connection ended. `refused`: perhaps because of the subprotocol. */
  #failed(error: SymphonyError, refused = false): void {
    if (this.#stable) this.#failures = 0
    if (this.status === 'connected' && error.code !== 'protocol') this.#garbage = 0
    const undecided = refused && this.#offer && !this.symphony
    this.#offer = !undecided
    this.#release()
    if (this.#ended) return
    const next = this.#attempt
    // That a connection is lost now and then is no error; the status tells.
    const serious = error.code !== 'unreachable' || !(this.#everConnected || noNetwork())
    if (serious && !undecided && (!this.#complained || error.code === 'protocol')) {
      this.#complained = true
      this.tell('error', error)
    }
    if (next !== this.#attempt) return
    this.#setStatus(noNetwork() ? 'offline' : 'reconnecting')
    if (next !== this.#attempt) return
    this.#timer = setTimeout(() => void this.#connect(), backoff(this.#failures++))
  }

  get #stable(): boolean {
    return this.status === 'connected' && performance.now() - this.#since >= stableTime
  }

  // Not seen by the compiler: listeners may have ended it meanwhile.
  get #ended(): boolean {
    return this.status === 'closed'
  }

  #deadline(ms: number, why = 'no answer'): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#failed(unreachable(this.#url, why), this.#socket !== undefined), ms)
  }

  #onPage(event: PageEvent): void {
    this.onPage(event)
    if (this.#ended || event === 'pagehide') return
    if (this.#liveness) this.#liveness.check()
    else if (this.status !== 'connecting') {
      this.#setStatus(noNetwork() ? 'offline' : 'reconnecting')
      if (event !== 'offline' && !this.#socket && !this.#ended) void this.#connect()
    }
  }

  /** Lets go of the socket, and of everything that belongs to this attempt. */
  #release(): void {
    this.#attempt++
    clearTimeout(this.#timer)
    const socket = this.#socket
    const liveness = this.#liveness
    this.#socket = this.#liveness = undefined
    liveness?.stop()
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close()
    }
    if (liveness) this.lost()
  }

  #setStatus(status: ConnectionStatus): void {
    if (status === this.status) return
    this.status = status
    this.tell('status', status)
  }
}

/** The token that an application gave, or gets now. */
export async function getToken(token: Token | undefined): Promise<string | undefined> {
  const text = typeof token === 'function' ? await token() : token
  if (text !== undefined && typeof text !== 'string') throw new TypeError('it gave no string')
  return text
}
