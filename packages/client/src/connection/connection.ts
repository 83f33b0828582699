import { reportError } from '../emitter.js'
import { tooLarge } from '../errors.js'
import { limitOf } from '../limit.js'
import { merge, vectorBefore } from '../merge.js'
import { Y } from '../yjs.js'
import { getToken, Line } from './line.js'
import * as n from './numbers.js'
import type { PageEvent } from './page.js'
import { type PresenceSender, presenceSender } from './presence.js'
import {
  changeTooLarge,
  initialFailed,
  mayOnlyRead,
  mustBeJSON,
  refused,
  storageFails,
  tokenFailed,
} from './problems.js'
import { type SaveTracker, trackSaves } from './save.js'
import { afterTurn } from './turn.js'
import type { ConnectionOptions, SaveStatus, StorageStatus } from './types.js'
import * as wire from './wire.js'

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
  /** The initial content as an update: built once, so that it is the same when it is sent again. */
  #initial: Uint8Array | undefined
  /** The server was not asked yet to take it, or did not answer. */
  #proposing: boolean
  /** What the server has, as far as it said. */
  #vector: Uint8Array | undefined
  /** Whether the document contains what the server had when the connection was made. False while there is none. */
  synced = false
  /** Whether the server takes no changes of this client. False until it said so. */
  readOnly = false
  #warned = false
  /** How the server's storage does, as far as it said. */
  storage: StorageStatus = 'fine'
  /** It said so on this connection: it does only if not all is fine. */
  #storageTold = false
  /** The longest message that the server takes, in bytes. */
  maxMessage = n.defaultMaxMessage
  /** Whether the server speaks only y-websocket's protocol. False until that is known. */
  plain = false
  /** The page is being left, and the others were told. */
  #away = false

  constructor(options: ConnectionOptions) {
    super(options)
    this.#options = options
    const { doc, awareness } = options
    this.#proposing = !!options.initial
    this.#save = trackSaves(
      hasContent(doc),
      () => this.#askForSync(),
      (status) => this.tell('saveStatus', status),
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
    const message = wire.message(n.event, this.#options.awareness.clientID, mustBeJSON('broadcast', event))
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
        if (text !== undefined && this.#speaks) this.send(wire.message(n.token, text))
      },
      (cause: unknown) => {
        if (this.status !== 'closed') this.tell('error', tokenFailed(cause))
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
      this.tell('error', tooLarge('presence', presence.length, this.#smallMessage))
    else this.send(wire.message(n.awareness, presence))
  }

  /**
   * Sends updates as one message; if that would be too long, and there are several, as several.
   *
   * @param newest whether nothing is left to send after them
   */
  #sendUpdates(updates: Uint8Array[], newest = true): void {
    const message = wire.message(n.sync, n.update, merge(this.#options.doc, updates))
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
      if (!this.#greeted && !this.#mayBegin(message)) throw new Error('no greeting')
    } catch (cause) {
      this.misunderstood(cause)
      return
    }
    if (!this.#greeted || this.status !== 'connected') {
      if (!this.#greet(message)) return
    }
    this.#take(message)
  }

  #mayBegin([type, step]: wire.Incoming): boolean {
    if (type === n.sync && step === n.update) return false
    return type === n.hello || (!this.symphony && type < n.hello)
  }

  /** Takes the first message, that tells what the server is. Returns whether to go on. */
  #greet(message: wire.Incoming): boolean {
    this.plain = message[0] !== n.hello
    const [, , generation, readOnly = false, maxMessage] = message[0] === n.hello ? message : []
    if (generation !== undefined && this.#options.acceptGeneration?.(generation) === false) {
      this.end()
      return false
    }
    this.readOnly = readOnly
    this.maxMessage = maxMessage || n.defaultMaxMessage
    limitOf.set(this.#options.doc, this.maxMessage)
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
    switch (message[0]) {
      case n.sync: {
        const [, step, body] = message
        if (step === n.step1) {
          if (!this.#storageTold) this.#setStorage('fine')
          this.#vector = body
          // The room has begun: there is nothing to propose.
          if (body.length > 1) this.#proposing = false
          this.#answer()
          return
        }
        this.#apply(() => Y.applyUpdate(doc, body, this))
        if (step === n.step2 && this.#greeted) {
          this.#save.answer()
          this.#onAnswer(body)
        }
        return
      }
      case n.awareness:
        this.#apply(() => awareness.apply(message[1], this))
        return
      case n.query:
        this.#presence.announce()
        return
      case n.durable:
        this.#save.durable(message[1])
        return
      case n.event:
        this.tell('event', message[2], message[1])
        return
      case n.token:
        this.refreshToken()
        return
      case n.storage:
        this.#storageTold = true
        this.#setStorage(message[1], message[2])
        return
      case n.initial:
        this.#proposing = false
        this.#onAnswer()
        return
      case n.auth:
        if (message[1] !== undefined) this.end(refused(this.#options.url, 4403, message[1]))
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

  /** Answers the server's step 1, as soon as the server takes changes. */
  #answer(): void {
    if (!this.#vector || this.readOnly || this.storage === 'refusing') return
    // First, because the server takes it only as long as nothing else was written.
    if (this.#proposing && !this.plain) this.#propose()
    this.#updates = []
    this.#sendChange(
      wire.message(n.sync, n.step2, Y.encodeStateAsUpdate(this.#options.doc, this.#vector)),
      true,
    )
    if (!this.#greeted) return
    this.#answered = true
    this.#save.open(this.plain)
  }

  /** Sends the initial content, if this client has no other. */
  #propose(): void {
    const blank = this.#initial || !hasContent(this.#options.doc)
    const message = blank && this.#build()
    this.#proposing = !!message
    if (!message) return
    this.send(message)
    // The step 2 that follows is durable only when this is.
    this.#save.change()
  }

  /** The message that proposes the initial content. */
  #build(): Uint8Array | undefined {
    try {
      this.#initial ??= (this.#options.initial as () => Uint8Array)()
      const message = wire.message(n.initial, this.#initial)
      if (message.length <= this.maxMessage) return message
      throw tooLarge('initial', message.length, this.maxMessage)
    } catch (cause) {
      this.tell('error', initialFailed(cause))
      return
    }
  }

  #setStorage(state: StorageStatus, reason = ''): void {
    const before = this.storage
    if (state === before) return
    this.storage = state
    if (state === 'refusing' && this.#answered) {
      // From here on nothing is sent; what the server lacks then is what came after this.
      this.#vector = vectorBefore(this.#options.doc, this.#updates)
      this.#updates = []
      this.#answered = false
      this.#save.hold()
    }
    this.tell('storage', state)
    if (state !== 'fine') this.tell('warning', storageFails(reason))
    if (!this.#answered) this.#answer()
  }

  /** The server answered step 1, or the proposal of initial content. */
  #onAnswer(answer?: Uint8Array): void {
    if (this.synced) return
    this.settled()
    if (answer && this.readOnly && this.#save.unsaved && this.#vector) {
      if (wire.isAhead(this.#options.doc, this.#vector, answer)) this.#warnReadOnly()
      else this.#save.settle()
    }
    if (this.#proposing && !this.readOnly) {
      if (!this.plain) return
      this.#proposing = false
      const { doc } = this.#options
      if (!hasContent(doc) && this.#build())
        this.#apply(() => Y.applyUpdate(doc, this.#initial as Uint8Array))
    }
    this.synced = true
    this.tell('synced')
  }

  #warnReadOnly(): void {
    if (this.#warned) return
    this.#warned = true
    this.tell('error', mayOnlyRead(this.#options.url))
  }

  /** Whether there is a Symphony server at the other end. */
  get #speaks(): boolean {
    return this.status === 'connected' && !this.plain
  }

  /** Tells the others that this client is gone. Returns whether there was somebody to tell. */
  #sayGoodbye(): boolean {
    if (this.#greeted) this.send(wire.message(n.awareness, this.#options.awareness.encode(null)))
    return this.#greeted
  }

  /** The longest event or presence, in bytes. */
  get #smallMessage(): number {
    return Math.min(n.maxJSON, this.maxMessage)
  }

  #askForSync(): void {
    this.#save.ask()
    this.send(wire.message(n.sync, n.step1, Y.encodeStateVector(this.#options.doc)))
  }

  protected probe(): void {
    if (this.plain) this.#askForSync()
    else this.send(wire.message(n.query))
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
    this.#greeted = this.#answered = this.synced = this.#storageTold = false
    this.#updates = []
    this.#vector = undefined
    this.#save.close()
    this.#presence.pause()
    this.#options.awareness.forgetOthers(this)
  }
}

function hasContent(doc: Y.Doc): boolean {
  return doc.store.clients.size > 0
}
