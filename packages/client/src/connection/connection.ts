import * as Y from 'yjs'
import { reportError } from '../emitter.js'
import { tooLarge } from '../errors.js'
import { merge } from '../merge.js'
import { getToken, Line } from './line.js'
import {
  awareness,
  defaultMaxMessage,
  event as eventType,
  maxJSON,
  query,
  step1,
  step2,
  sync,
  token,
  update,
} from './numbers.js'
import type { PageEvent } from './page.js'
import { type PresenceSender, presenceSender } from './presence.js'
import { changeTooLarge, mayOnlyRead, mustBeJSON, refused, tokenFailed } from './problems.js'
import { type SaveTracker, trackSaves } from './save.js'
import { afterTurn } from './turn.js'
import type { ConnectionOptions, SaveStatus } from './types.js'
import * as wire from './wire.js'

/** What a server may begin with. */
const openings: wire.Incoming['type'][] = ['hello', 'step1', 'step2', 'awareness', 'query', 'denied']

/**
 * Keeps a document and its presence in step with a room of a server: a Symphony server, or a plain y-websocket server.
 * Connects at once and again whenever the connection is lost. Changes that come from the server have the Connection
 * as their origin.
 */
export class Connection extends Line {
  readonly #options: ConnectionOptions
  readonly #save: SaveTracker
  readonly #presence: PresenceSender
  readonly #turn = afterTurn(() => this.#flush())
  /** Changes since the last flush. */
  #updates: Uint8Array[] = []
  /** The first message on this socket came. */
  #greeted = false
  /** The server's step 1 was answered. */
  #answered = false
  /** What the server has, as far as it said. */
  #vector: Uint8Array | undefined
  /** Whether the document contains what the server had when the connection was made. False while there is none. */
  synced = false
  /** Whether the server takes no changes of this client. False until it said so. */
  readOnly = false
  #warned = false
  /** The longest message that the server takes, in bytes. */
  maxMessage = defaultMaxMessage
  /** Whether the server speaks only y-websocket's protocol. False until that is known. */
  plain = false
  /** The page is being left, and the others were told. */
  #away = false

  constructor(options: ConnectionOptions) {
    super(options)
    this.#options = options
    const { doc, awareness } = options
    const hasContent = Y.encodeStateVector(doc).length > 1
    this.#save = trackSaves(
      hasContent,
      () => this.#askForSync(),
      (status) => this.emit('saveStatus', status),
    )
    this.#presence = presenceSender(awareness, options.presenceInterval, () => this.#turn.schedule())
    doc.on('update', this.#onUpdate)
  }

  /** How safe this client's own changes are. */
  get saveStatus(): SaveStatus {
    return this.#save.status
  }

  /**
   * Sends an event, anything that JSON can say, to the other members of the room. Returns false if it was not sent, because
   * there is no connection or the server is a plain one.
   *
   * @throws SymphonyError `unsupported-value` if JSON cannot say it, `too-large` if that takes more than 1 MiB
   */
  broadcast(event: unknown): boolean {
    const { clientID } = this.#options.awareness
    const message = wire.message(eventType, clientID, mustBeJSON('broadcast', event))
    // The frame around the JSON takes a few bytes of the limit.
    if (message.length > this.#smallMessage) throw tooLarge('broadcast', message.length, this.#smallMessage)
    if (!this.#speaks) return false
    // What was changed before goes first.
    this.#flush()
    this.send(message)
    return true
  }

  /** Gets the token anew and shows it to the server, without reconnecting. Without a connection nothing is to be done. */
  refreshToken(): void {
    if (!this.#speaks) return
    getToken(this.#options.token).then(
      (text) => {
        if (text !== undefined && this.#speaks) this.send(wire.message(token, text))
      },
      (cause: unknown) => {
        if (this.status !== 'closed') this.emit('error', tokenFailed(cause))
      },
    )
  }

  /** Ends the connection. What was changed is sent, the others see that this client is gone, everything is freed. */
  destroy(): void {
    this.#flush()
    this.#sayGoodbye()
    this.end()
    this.#options.doc.off('update', this.#onUpdate)
    this.#presence.destroy()
    this.#turn.destroy()
  }

  #onUpdate = (change: Uint8Array, origin: unknown) => {
    if (origin === this) return
    this.#save.change()
    if (this.readOnly) this.#warnReadOnly()
    // Before the answer to the server's step 1 there is nothing to collect: the answer has it all.
    if (!this.#answered) return
    this.#updates.push(change)
    this.#turn.schedule()
  }

  /** Sends what one turn of the event loop brought: changes first, because presence may point at them. */
  #flush(): void {
    if (this.#updates.length > 0) this.#sendUpdates(this.#updates.splice(0))
    const presence = this.#greeted && this.#presence.take()
    if (!presence) return
    if (presence.length > this.#smallMessage)
      this.emit('error', tooLarge('presence', presence.length, this.#smallMessage))
    else this.send(wire.message(awareness, presence))
  }

  /**
   * Sends updates as one message; if that would be too long, and there are several, as several.
   *
   * @param newest whether nothing is left to send after them
   */
  #sendUpdates(updates: Uint8Array[], newest = true): void {
    const message = wire.message(sync, update, merge(this.#options.doc, updates))
    if (message.length > this.maxMessage && updates.length > 1) {
      const half = updates.length >> 1
      this.#sendUpdates(updates.slice(0, half), false)
      this.#sendUpdates(updates.slice(half), newest)
    } else this.#sendChange(message, newest)
  }

  /** @param newest whether nothing is left to send after it */
  #sendChange(message: Uint8Array, newest: boolean): void {
    if (message.length > this.maxMessage) {
      this.end(changeTooLarge(message.length, this.maxMessage))
      return
    }
    this.send(message)
    this.#save.send(newest)
  }

  protected received(data: unknown): void {
    let message: wire.Incoming
    try {
      if (typeof data === 'string') throw new Error('a text message')
      message = wire.decode(new Uint8Array(data as ArrayBuffer))
      if (!this.#greeted && !(this.symphony ? ['hello'] : openings).includes(message.type))
        throw new Error(`${message.type} came first`)
    } catch (cause) {
      this.misunderstood(cause)
      return
    }
    if (!this.#greeted || this.status !== 'connected') {
      if (!this.#greet(message)) return
    }
    this.#take(message)
  }

  /** Takes the first message, that tells what the server is. Returns whether to go on. */
  #greet(message: wire.Incoming): boolean {
    const hello = message.type === 'hello' ? message : undefined
    if (hello && this.#options.acceptGeneration?.(hello.generation) === false) {
      this.end()
      return false
    }
    this.plain = !hello
    this.readOnly = hello?.readOnly ?? false
    this.maxMessage = hello?.maxMessage || defaultMaxMessage
    if (!this.#greeted) this.#begin()
    this.established(!this.plain)
    return this.#greeted
  }

  protected opened(plain: boolean): void {
    if (this.symphony || !plain) return
    this.plain = true
    this.#begin()
  }

  #begin(): void {
    this.#greeted = true
    this.#away = false
    this.#askForSync()
    this.#presence.announce()
  }

  #take(message: wire.Incoming): void {
    const { doc, awareness } = this.#options
    switch (message.type) {
      case 'step1':
        this.#vector = message.body
        if (this.readOnly) return
        this.#updates = []
        this.#sendChange(wire.message(sync, step2, Y.encodeStateAsUpdate(doc, message.body)), true)
        if (!this.#greeted) return
        this.#answered = true
        this.#save.open(this.plain)
        return
      case 'step2':
      case 'update':
        this.#apply(() => Y.applyUpdate(doc, message.body, this))
        if (message.type === 'step2' && this.#greeted) this.#onAnswer(message.body)
        return
      case 'awareness':
        this.#apply(() => awareness.apply(message.body, this))
        return
      case 'query':
        this.#presence.announce()
        return
      case 'durable':
        this.#save.durable(message.count)
        return
      case 'event':
        this.emit('event', message.event, message.clientId)
        return
      case 'token':
        this.refreshToken()
        return
      case 'denied':
        this.end(refused(this.#options.url, 4403, message.reason))
    }
  }

  /** Runs what was checked before: what is thrown now comes from an application's listener. */
  #apply(change: () => void): void {
    try {
      change()
    } catch (error) {
      reportError(error)
    }
  }

  #onAnswer(answer: Uint8Array): void {
    this.#save.answer()
    if (this.synced) return
    this.settled()
    if (this.readOnly && this.#save.unsaved && this.#vector) {
      if (wire.isAhead(this.#options.doc, this.#vector, answer)) this.#warnReadOnly()
      else this.#save.settle()
    }
    this.synced = true
    this.emit('synced')
  }

  #warnReadOnly(): void {
    if (this.#warned) return
    this.#warned = true
    this.emit('error', mayOnlyRead(this.#options.url))
  }

  /** Whether there is a Symphony server at the other end. */
  get #speaks(): boolean {
    return this.status === 'connected' && !this.plain
  }

  /** Tells the others that this client is gone. Returns whether there was somebody to tell. */
  #sayGoodbye(): boolean {
    if (this.#greeted) this.send(wire.message(awareness, this.#options.awareness.encode(null)))
    return this.#greeted
  }

  /** The longest event or presence, in bytes. */
  get #smallMessage(): number {
    return Math.min(maxJSON, this.maxMessage)
  }

  #askForSync(): void {
    this.#save.ask()
    this.send(wire.message(sync, step1, Y.encodeStateVector(this.#options.doc)))
  }

  protected probe(): void {
    if (this.plain) this.#askForSync()
    else this.send(wire.message(query))
  }

  protected onPage(event: PageEvent): void {
    if (event === 'pagehide') {
      // A window that closes may not come to the end of this turn.
      this.#flush()
      this.#away = this.#sayGoodbye()
    } else if (this.#away) {
      this.#away = false
      this.#presence.announce()
    }
  }

  protected lost(): void {
    this.#greeted = this.#answered = this.synced = false
    this.#updates = []
    this.#vector = undefined
    this.#save.close()
    this.#presence.pause()
    this.#options.awareness.forgetOthers(this)
  }
}
