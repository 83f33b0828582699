import * as Y from 'yjs'
import type { Awareness } from '../awareness.js'
import type { reportError } from '../emitter.js'
import type { SymphonyError } from '../errors.js'
import type { merge } from '../merge.js'
import { Saver } from './saver.js'
import { type History, Store } from './store.js'
import { Tabs } from './tabs.js'

/** What the copy uses of the rest of the client. It imports nothing of it, so that it is one bundle, loaded when it is needed. */
export interface Shared {
  merge: typeof merge
  reportError: typeof reportError
  SymphonyError: typeof SymphonyError
}

export interface OfflineOptions {
  /** Names the room: all who give the same key share one copy. Server and room, and the person if several share a browser. */
  key: string
  doc: Y.Doc
  awareness: Awareness
  /** Start over: what is stored of any other generation is erased, and the document is the beginning of this one. */
  generation?: number
  /** Where to store; by default the one of the browser. */
  indexedDB?: IDBFactory
  /** How tabs talk; by default the one of the browser. In programs without IndexedDB, none: they are no tabs. */
  BroadcastChannel?: typeof BroadcastChannel
  /** The storage failed. Once for each kind of failure. Everything goes on in memory, and between tabs. */
  warn: (warning: SymphonyError) => void
  /** Another tab started over with another generation. The document has no copy any more, and must be replaced. */
  stale: () => void
  shared: Shared
}

/** Longest time `loaded` waits for a storage that does not answer, in ms. */
const patience = 5_000
const pageEvents = ['pagehide', 'pageshow', 'visibilitychange']

/**
 * A copy of a room's document in the browser, shared by its tabs.
 *
 * Every change of the document is stored at the end of the turn in which it was made, merged with the others of that
 * turn, except for what came from another tab: that one stores it. (If its write fails, it is stored here only by the
 * next compaction.) Content from storage and other tabs is applied with this object as origin.
 *
 * A copy that has no storage, or whose storage fails, works the same in memory; only an end of the page loses what no
 * server or other tab has.
 */
export class OfflineCopy {
  /** Resolves when the document contains what is stored, or when that failed or took over 5 s. Never rejects. */
  readonly loaded: Promise<void>

  readonly #o: OfflineOptions
  readonly #doc: Y.Doc
  readonly #awareness: Awareness
  readonly #name: string
  readonly #factory: IDBFactory | undefined
  readonly #history: History
  readonly #saver: Saver
  #tabs: Tabs | undefined
  /** Changes of this turn. */
  #turn: Uint8Array[] = []
  /** Some of them were made in this tab. */
  #share = false
  #warned = new Set<string>()
  #ending: Promise<void> | undefined
  #isStale = false

  /** Opens the copy, without waiting: see `loaded`. Does not throw if the storage fails. */
  constructor(options: OfflineOptions) {
    this.#o = options
    const { doc, awareness, generation, key } = options
    this.#doc = doc
    this.#awareness = awareness
    this.#name = `symphony:${key}`
    const startOver = generation !== undefined
    this.#history = { generation, era: startOver ? Math.random() : undefined }
    try {
      this.#factory = options.indexedDB ?? globalThis.indexedDB
    } catch (cause) {
      // Some browsers throw here if the person or the frame does not allow storage. Told when one can listen.
      queueMicrotask(() => this.#warn('open', cause))
    }
    this.#saver = new Saver({
      factory: this.#factory,
      name: this.#name,
      doc,
      merge: options.shared.merge,
      history: this.#history,
      startOver,
      apply: (updates) => this.#apply(updates),
      warn: (kind, cause) => this.#warn(kind, cause),
      stale: () => this.#stale(),
    })
    const Channel = options.BroadcastChannel ?? (this.#factory && globalThis.BroadcastChannel)
    if (Y.encodeStateVector(doc).length > 1) this.#onUpdate(Y.encodeStateAsUpdate(doc), undefined)
    doc.on('update', this.#onUpdate)
    doc.on('destroy', this.#onDestroy)
    for (const name of pageEvents) globalThis.addEventListener?.(name, this.#onPage)
    this.loaded = this.#start(Channel)
  }

  /** The generation of the stored content, after `loaded`; undefined if no server ever told it. */
  get generation(): number | undefined {
    return this.#history.generation
  }

  /** Notes what the server said to be the generation of the document. Calls `stale` if the stored one differs. */
  setGeneration(generation: number): void {
    if (this.#history.generation === generation || this.#ending) return
    if (this.#history.generation !== undefined) {
      this.#stale()
      return
    }
    this.#history.generation = generation
    this.#tabs?.hello()
    this.#saver.saveAll()
  }

  /**
   * Forgets the room on this device and ends the copy, as `destroy` does. Other tabs that have the room open go on
   * without storage, after a warning. Rejects with a SymphonyError `storage` if the content could not be deleted.
   */
  async erase(): Promise<void> {
    this.#detach()
    await this.destroy()
    if (!this.#factory) return
    try {
      await within(patience, Store.erase(this.#factory, this.#name))
    } catch (cause) {
      const message =
        "erase: the room could not be deleted from the browser's storage; delete the data of this site"
      throw new this.#o.shared.SymphonyError('storage', message, { cause })
    }
  }

  /** Ends the copy. Resolves when everything is written, or cannot be. What is stored stays. */
  destroy(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #start(Channel: typeof BroadcastChannel | undefined): Promise<void> {
    try {
      await within(patience, this.#saver.open())
    } catch (cause) {
      this.#warn('late', cause)
    }
    if (this.#ending || !Channel || this.#isStale) return
    this.#tabs = new Tabs({
      name: this.#name,
      doc: this.#doc,
      awareness: this.#awareness,
      BroadcastChannel: Channel,
      reportError: this.#o.shared.reportError,
      history: this.#history,
      origin: this,
      isStored: () => this.#saver.works,
      receive: (update, stored) => {
        if (!this.#apply([update])[0] || stored) return
        // The other tab cannot store it, so this one does.
        this.#saver.keep(update)
        this.#saver.save()
      },
    })
  }

  /** Applies updates of storage or other tabs. Says of each whether it could be read. */
  #apply(updates: unknown[]): boolean[] {
    let read: boolean[] = []
    // Who ended the copy does not expect the document to change any more.
    if (this.#ending) return read
    try {
      this.#doc.transact(() => {
        read = updates.map((update) => {
          try {
            Y.applyUpdate(this.#doc, update as Uint8Array, this)
            return true
          } catch (cause) {
            this.#warn('record', cause)
            return false
          }
        })
      }, this)
    } catch (error) {
      // An observer of the document threw. Everything was applied.
      this.#o.shared.reportError(error)
    }
    return read
  }

  #onDestroy = (): void => {
    void this.destroy()
  }

  #onUpdate = (update: Uint8Array, origin: unknown, _?: Y.Doc, transaction?: Y.Transaction): void => {
    if (origin === this) return
    // What comes from the server, the other tabs get from there.
    if (transaction?.local !== false) this.#share = true
    if (this.#turn.push(update) === 1) queueMicrotask(this.#flush)
  }

  /** Ends the turn: sends its changes to the other tabs and writes them. */
  #flush = (): void => {
    if (this.#turn.length > 0) {
      const update = this.#o.shared.merge(this.#doc, this.#turn)
      this.#turn = []
      if (this.#share) this.#tabs?.send(update)
      this.#share = false
      this.#saver.keep(update)
    }
    this.#saver.save()
  }

  #stale(): void {
    if (this.#isStale) return
    this.#isStale = true
    this.#saver.stop()
    this.#detach()
    this.#o.stale()
  }

  #warn(kind: keyof typeof warnings, cause?: unknown): void {
    if (this.#warned.has(kind)) return
    this.#warned.add(kind)
    const { warn, shared } = this.#o
    warn(new shared.SymphonyError('storage', `The browser's storage ${warnings[kind]}`, { cause }))
  }

  #onPage = ({ type, persisted }: Event & { persisted?: boolean }): void => {
    if (type === 'pageshow') {
      // Back from the browser's cache of pages: the others were told that nobody is here, and have gone on.
      if (!persisted) return
      this.#awareness.renew()
      this.#tabs?.hello()
      return
    }
    this.#flush()
    this.#saver.save(true)
    if (type === 'pagehide') this.#tabs?.bye()
  }

  /** Ends all listening, and tells the other tabs. */
  #detach(): void {
    this.#doc.off('update', this.#onUpdate)
    this.#doc.off('destroy', this.#onDestroy)
    for (const name of pageEvents) globalThis.removeEventListener?.(name, this.#onPage)
    this.#tabs?.close()
    this.#tabs = undefined
  }

  async #end(): Promise<void> {
    this.#flush()
    this.#saver.save(true)
    this.#detach()
    await this.loaded
    await this.#saver.end()
  }
}

const memoryOnly =
  'Edits are now in memory only until the server has them: keep the page open until they are saved.'

/** What is told of each kind of failure, after "The browser's storage". */
const warnings = {
  open: `cannot be opened. ${memoryOnly}`,
  late: `has not answered yet. ${memoryOnly}`,
  write: `refused a write, maybe because it is full. ${memoryOnly}`,
  gone: `was cleared by another tab or by the browser. ${memoryOnly}`,
  record: 'holds a change that cannot be read. It is left out; if the server has it, it comes from there.',
}

/** The same promise, but it rejects after some time, in ms. */
async function within<T>(time: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${time / 1000} s`)), time)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
