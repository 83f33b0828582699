import { Awareness } from './awareness.js'
import { Connection } from './connection/connection.js'
import { mustBeJSON } from './connection/problems.js'
import type {
  ConnectionEvents,
  ConnectionStatus,
  SaveStatus,
  StorageStatus,
  Token,
} from './connection/types.js'
import { Content } from './content.js'
import { Emitter, reportError } from './emitter.js'
import { fail, invalid, SymphonyError } from './errors.js'
import type { Initial } from './initial.js'
import { merge } from './merge.js'
import type { OfflineCopy } from './offline/offline.js'
import { History, type Synced, wrap } from './synced/index.js'
import { nest } from './synced/synced.js'
import { Y } from './yjs.js'

/** What a person in a room is doing now: any JSON object. */
export type Presence = Record<string, unknown>

/** A person in a room. */
export interface User<P extends Presence = Presence> {
  /** Identifies the client, the window so to speak, while it is in the room. */
  clientId: number
  presence: P
}

/** The room starts over: its document was replaced on the server. */
export interface Reset {
  /** The document as this client had it, with edits that the server may not have. Nothing changes it any more. */
  previous: Y.Doc
}

/** What one can listen to with `room.on`, and the arguments of its listeners. */
export interface RoomEvents<P extends Presence = Presence> {
  status: [ConnectionStatus]
  saveStatus: [SaveStatus]
  storage: [StorageStatus]
  /** The document contains what the server has. Comes again after each reconnect. */
  synced: []
  /** Another client came, left or changed its presence. */
  others: [Map<number, P>]
  /** This client's presence changed. */
  presence: [P]
  /** Somebody else in the room called `broadcast`. */
  event: [event: unknown, clientId: number]
  /** Something keeps the room from working. The local document stays usable. */
  error: [SymphonyError]
  /** Something works less well: edits are not kept on this device, say. */
  warning: [SymphonyError]
  /**
   * The room's document was replaced on the server by an unrelated one. `room.doc` is another now. The top-level types
   * got with `newMap`, `newList` and `newText` show the new content, nested ones are to be read again, histories
   * and editor bindings to be made again.
   */
  reset: [Reset]
}

/** How a client enters a room. */
export interface RoomSettings {
  id: string
  /** Identifies server and room. */
  url: string
  token?: Token
  initial?: Initial
  offline: boolean
  presenceInterval: number
  WebSocket: new (url: string, protocols?: string | string[]) => WebSocket
}

interface Subscription {
  item: Synced
  listener: (...args: any[]) => void
}

/**
 * A room: one document and the people who edit it together. Get it from `SymphonyClient.enter`.
 *
 * Everything on it works at once, whether the server is reachable or not: edits are made locally and travel when they can.
 */
export class Room<P extends Presence = Presence> extends Content {
  /** Identifies the room on its server. */
  readonly id: string
  /** Where the connection to the server stands. Listen with `on('status', ...)`. */
  readonly status: ConnectionStatus = 'connecting'
  /**
   * How safe this client's edits are. Listen with `on('saveStatus', ...)`. Until the copy on this device is loaded, nobody
   * knows what there is to be saved: `local`.
   */
  readonly saveStatus: SaveStatus = 'local'
  /**
   * Whether the server can store now what is edited; what it did not is not `durable`. Listen with `on('storage', ...)`, or to
   * the warnings, which say why.
   */
  readonly storage: StorageStatus = 'fine'
  /** What carries presence, with the interface of the Awareness of y-protocols, for editor bindings. Another one after `reset`. */
  readonly awareness!: Awareness
  readonly #settings: RoomSettings
  readonly #events = new Emitter<RoomEvents<P>>()
  /** What stops each subscription, and what it is. */
  readonly #subscriptions = new Map<() => void, Subscription>()
  #parts: Parts
  #generation: number | undefined
  #synced = false
  #others: Map<number, P> | undefined
  #left: SymphonyError | undefined
  /** Why the status is `closed`. */
  #closedBy: SymphonyError | undefined

  /** @internal */
  constructor(settings: RoomSettings) {
    super(new Y.Doc())
    this.id = settings.id
    this.#settings = settings
    this.#parts = this.#assemble()
  }

  /** Whether the server lets this client only read. Known once connected. */
  get readOnly(): boolean {
    return this.#parts.connection?.readOnly ?? false
  }

  getRoomId(): string {
    return this.id
  }

  /** The id by which the others know this client. */
  getClientId(): number {
    return this.awareness.clientID
  }

  /** A history of this client's changes to the whole room, or to some of its types. */
  newHistory(captureTimeout = 0, scope?: Synced[]): History {
    return new History(scope ?? this.doc, captureTimeout)
  }

  /**
   * Calls a function on each change of a list, map or text, whoever made it, with the event of Yjs. With `deep` also on
   * changes of what is nested in it, with a list of events. `'others'`: when another client's presence changes.
   * Returns a function that stops it.
   */
  subscribe(item: 'others', listener: (others: Map<number, P>) => void): () => void
  subscribe(item: Synced, listener: (event: any) => void, options?: { deep?: boolean }): () => void
  subscribe(
    item: Synced | 'others',
    listener: (argument: any) => void,
    options?: { deep?: boolean },
  ): () => void {
    if (item === 'others') return this.on('others', listener)
    if (typeof listener !== 'function' || typeof item?.observe !== 'function')
      invalid("room.subscribe takes a synced type or 'others', and a function")
    // A function of its own, so that subscribing one listener twice is two subscriptions.
    const call = (event: unknown) => listener(event)
    if (options?.deep) item.observeDeep(call)
    else item.observe(call)
    const stop = () => {
      if (options?.deep) item.unobserveDeep(call)
      else item.unobserve(call)
      this.#subscriptions.delete(stop)
    }
    this.#subscriptions.set(stop, { item, listener })
    return stop
  }

  /** Stops a subscription; without a function, all to that item. */
  unsubscribe(item: Synced | 'others', listener?: (argument: any) => void): void {
    if (item === 'others') this.#events.off('others', listener)
    for (const [stop, s] of this.#subscriptions) {
      if (s.item === item && (!listener || s.listener === listener)) stop()
    }
  }

  /** Calls a listener on an event of the room. Returns a function that stops it. */
  on<K extends keyof RoomEvents<P>>(name: K, listener: (...args: RoomEvents<P>[K]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Stops a listener; without one, all of that name. */
  off<K extends keyof RoomEvents<P>>(name: K, listener?: (...args: RoomEvents<P>[K]) => void): void {
    this.#events.off(name, listener)
  }

  /** Changes some properties of this client's presence. The others see it within the client's `presenceInterval`. */
  updatePresence(change: Partial<P>): void {
    this.mustBeIn('updatePresence')
    if (typeof change !== 'object' || change === null || Array.isArray(change))
      invalid('room.updatePresence takes an object')
    // As the others will read it: without what is undefined, so that undefined takes a property away.
    const state = JSON.parse(mustBeJSON('updatePresence', { ...this.getPresence(), ...change }))
    this.awareness.setLocalState(state)
  }

  /** This client's presence. */
  getPresence(): P {
    return (this.awareness.getLocalState() ?? {}) as P
  }

  /** This client. */
  getSelf(): User<P> {
    return { clientId: this.getClientId(), presence: this.getPresence() }
  }

  /** The presence of everybody else in the room, by client id. The same Map until something changes. */
  getOthers(): Map<number, P> {
    if (!this.#others) {
      this.#others = new Map(this.awareness.getStates() as Map<number, P>)
      this.#others.delete(this.getClientId())
    }
    return this.#others
  }

  /**
   * Sends an event, anything that JSON can say, to everybody else who is in the room now. It is not kept for those who are
   * not. Returns false if it could not be sent, because there is no connection or the server cannot do it.
   */
  broadcast(event: unknown): boolean {
    this.mustBeIn('broadcast')
    return this.#parts.connection?.broadcast(event) ?? false
  }

  /** Gets the token again and shows it to the server, without reconnecting. */
  refreshToken(): void {
    this.#parts.connection?.refreshToken()
  }

  /** Waits until the document contains what the server has. Rejects if the room is left or the server refuses. */
  synced(): Promise<void> {
    return this.#until(() => this.#synced)
  }

  /**
   * Waits until all edits of this client are as safe as the server can make them: `durable`, or with a plain y-websocket
   * server `received`. Rejects if the room is left or the server refuses before.
   */
  saved(): Promise<void> {
    return this.#until(
      () =>
        this.#synced &&
        (this.saveStatus === 'durable' ||
          (this.saveStatus === 'received' && !!this.#parts.connection?.plain)),
    )
  }

  /** Leaves the room and frees everything. What is kept on this device stays, for the next time. */
  async leave(): Promise<void> {
    if (this.#left) return
    this.#closedBy = this.#left = new SymphonyError('closed', `the room ${JSON.stringify(this.id)} was left`)
    for (const stop of this.#subscriptions.keys()) stop()
    const done = this.#dispose(this.#parts)
    this.#set('status', 'closed')
    this.#events.clear()
    await done
    this.doc.destroy()
  }

  /** Forgets what this device keeps of the room, and leaves it. Edits that the server does not have are lost. */
  async forget(): Promise<void> {
    const parts = this.#parts
    await parts.opening
    const erased = parts.offline?.erase()
    await this.leave()
    await erased
  }

  protected override mustBeIn(call: string): void {
    if (this.#left) fail('closed', `room.${call}: ${this.#left.message}; enter it again`)
  }

  #until(reached: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const done = reached()
        if (!done && this.status !== 'closed') return
        for (const stop of stops) stop()
        if (done) resolve()
        else reject(this.#closedBy)
      }
      const stops = (['synced', 'saveStatus', 'status'] as const).map((name) => this.on(name, check))
      check()
    })
  }

  /** Makes document, presence, offline copy and connection. With a generation, from nothing. */
  #assemble(generation?: number, presence?: P): Parts {
    const { doc } = this
    const awareness = new Awareness(doc)
    ;(this as Mutable<Room<any>>).awareness = awareness
    if (presence) awareness.setLocalState(presence)
    const parts: Parts = { doc, awareness }
    awareness.on('change', (change: Record<'added' | 'updated' | 'removed', number[]>) => {
      if (parts !== this.#parts) return
      const ids = new Set(Object.values(change).flat())
      if (ids.delete(awareness.clientID)) this.#events.emit('presence', this.getPresence())
      if (ids.size > 0) {
        this.#others = undefined
        this.#events.emit('others', this.getOthers())
      }
    })
    if (this.#settings.offline) {
      parts.opening = this.#open(parts, generation)
    } else {
      // After the constructor, so that the application can listen first.
      queueMicrotask(() => this.#connect(parts))
    }
    return parts
  }

  /** Opens the copy on this device, then connects: what is here need not be fetched. */
  async #open(parts: Parts, generation: number | undefined): Promise<void> {
    try {
      // Loaded only where it is used: it is a third of the client.
      const { OfflineCopy } = await import('./offline/offline.js')
      const offline = new OfflineCopy({
        key: this.#settings.url,
        ...parts,
        generation,
        warn: (warning) => this.#events.emit('warning', warning),
        stale: () => this.#startOver(parts),
        shared: { merge, reportError, SymphonyError },
      })
      parts.offline = offline
      await offline.loaded
      if (this.#isIn(parts)) this.#generation ??= offline.generation
    } catch (cause) {
      const what = 'the offline code did not load; edits are in memory only'
      this.#events.emit('warning', new SymphonyError('storage', what, { cause }))
    }
    this.#connect(parts)
  }

  #isIn(parts: Parts): boolean {
    return parts === this.#parts && !this.#left
  }

  async #connect(parts: Parts): Promise<void> {
    const { initial } = this.#settings
    const build = initial && (await loadInitial(initial))
    if (!this.#isIn(parts)) return
    const connection = new Connection({
      ...this.#settings,
      ...parts,
      initial: build,
      tell: (name, ...args) => this.#hear(parts, name, args),
      // A plain server could not say that its document is another one than ours.
      symphony: this.#generation !== undefined,
      acceptGeneration: (generation) => {
        // The copy may have learnt it from another tab meanwhile.
        const known = parts.offline?.generation ?? this.#generation
        const same = known === undefined || known === generation
        if (same) {
          this.#generation = generation
          parts.offline?.setGeneration(generation)
        } else {
          this.#startOver(parts, generation)
        }
        return same
      },
    })
    parts.connection = connection
    this.#set('saveStatus', connection.saveStatus)
  }

  /** Passes on what a connection tells. */
  #hear<K extends keyof ConnectionEvents>(parts: Parts, name: K, args: ConnectionEvents[K]): void {
    if (parts !== this.#parts) return
    const [value] = args as any[]
    switch (name) {
      case 'status':
      case 'saveStatus':
      case 'storage':
        this.#set(name, value)
        return
      case 'error':
        this.#closedBy = value
        break
      case 'synced':
        this.#synced = true
    }
    if (!this.#events.emit(name, ...(args as any)) && name === 'error') console.error(value)
  }

  /** Leaves the document behind and begins with an empty one, of a generation if that is known. */
  #startOver(parts: Parts, generation?: number): void {
    if (!this.#isIn(parts)) return
    const presence = this.getPresence()
    const previous = this.doc
    this.#generation = generation
    this.#synced = false
    this.#others = undefined
    this.replaceDoc(new Y.Doc())
    this.#parts = this.#assemble(generation, presence)
    // Now that nobody listens to it any more: that its connection ends is not the end of the room.
    void this.#dispose(parts)
    this.#set('status', 'connecting')
    this.#set('saveStatus', 'local')
    this.#events.emit('reset', { previous })
    this.#events.emit('others', this.getOthers())
  }

  /** Frees everything but the document. */
  async #dispose(parts: Parts): Promise<void> {
    parts.connection?.destroy()
    // What was edited before it was open is to be kept.
    if (!parts.offline) await parts.opening
    await parts.offline?.destroy()
    parts.awareness.destroy()
  }

  #set<K extends 'status' | 'saveStatus' | 'storage'>(name: K, value: Room[K]): void {
    if (value === this[name]) return
    ;(this as Mutable<Room<any>>)[name] = value
    this.#events.emit(name, ...([value] as RoomEvents<P>[K]))
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Parts {
  doc: Y.Doc
  awareness: Awareness
  connection?: Connection
  offline?: OfflineCopy
  opening?: Promise<void>
}

/** What builds initial content; if that could not be loaded, a function that throws why. */
async function loadInitial(initial: Initial): Promise<() => Uint8Array> {
  try {
    const { buildInitial } = await import('./initial.js')
    return () => buildInitial(initial, { Content, invalid, nest, wrap })
  } catch (cause) {
    return () => fail('internal', 'its code did not load', cause)
  }
}
