import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Emitter, reportError } from '../emitter.js'
import { SymphonyError } from '../errors.js'
import { merge } from './merge.js'
import { type History, mergeable, Store } from './store.js'
import { Tabs } from './tabs.js'

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
}

export interface OfflineEvents {
  /** The storage failed. Once for each kind of failure. Everything goes on in memory, and between tabs. */
  warning: [SymphonyError]
  /** Another tab started over with another generation. The document has no copy any more, and must be replaced. */
  stale: []
}

/** Longest time `loaded` waits for a storage that does not answer, in ms. */
const patience = 5_000
/** After how many ms a failed write is tried again. */
const retryAfter = 30_000
/** How many records, and bytes of them, may be added to a compacted copy before it is compacted again. */
const maxRecords = 500
const maxBytes = 1 << 20
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
export class OfflineCopy extends Emitter<OfflineEvents> {
  /** Resolves when the document contains what is stored, or when that failed or took over 5 s. Never rejects. */
  readonly loaded: Promise<void>

  readonly #doc: Y.Doc
  readonly #awareness: Awareness
  readonly #name: string
  readonly #factory: IDBFactory | undefined
  readonly #startOver: boolean
  readonly #history: History
  #store: Store | undefined
  #tabs: Tabs | undefined
  /**
   * Where changes go: `opening` collects them; `open` writes them; `behind` lets them pass, because a write failed and
   * the next one will be of the whole document; `none` lets them pass for good.
   */
  #mode: 'opening' | 'open' | 'behind' | 'none' = 'opening'
  /** Changes of this turn. */
  #turn: Uint8Array[] = []
  /** Changes that no write was begun for. */
  #unsaved: Uint8Array[] = []
  #writes = 0
  /** Resolves when the writes begun so far have ended. */
  #settled: Promise<unknown> = Promise.resolve()
  #retry: ReturnType<typeof setTimeout> | undefined
  /** The records whose content is in the document. */
  #known = new Set<IDBValidKey>()
  /** How many records the last compaction left, how large they were, and how many bytes were added since. */
  #base = { records: 0, bytes: 0 }
  #added = 0
  #warned = new Set<string>()
  #ending: Promise<void> | undefined
  #ended = false
  #isStale = false

  /** Opens the copy, without waiting: see `loaded`. Does not throw if the storage fails. */
  constructor(options: OfflineOptions) {
    super()
    const { doc, awareness, generation, key } = options
    this.#doc = doc
    this.#awareness = awareness
    this.#name = `symphony:${key}`
    this.#startOver = generation !== undefined
    this.#history = { generation, era: this.#startOver ? Math.random() : undefined }
    try {
      this.#factory = options.indexedDB ?? globalThis.indexedDB
    } catch (cause) {
      // Some browsers throw here if the person or the frame does not allow storage.
      queueMicrotask(() => this.#warn('open', 'cannot be opened', cause))
    }
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

  /** Notes what the server said to be the generation of the document. Emits `stale` if the stored one differs. */
  setGeneration(generation: number): void {
    if (this.#history.generation === generation || this.#ending) return
    if (this.#history.generation !== undefined) {
      this.#stale()
      return
    }
    this.#history.generation = generation
    this.#tabs?.hello()
    if (this.#mode === 'open') this.#storeGeneration()
  }

  /**
   * Forgets the room on this device and ends the copy, as `destroy` does. Other tabs that have the room open go on
   * without storage, after a warning. Rejects with a SymphonyError `storage` if the content could not be deleted.
   */
  async erase(): Promise<void> {
    this.#detach()
    await this.loaded
    await this.#settled
    this.#mode = 'none'
    try {
      // Cleared first, because the deletion waits until all other tabs have let go of the database.
      await this.#store?.clear()
      this.#store?.close()
      if (this.#factory) await Store.remove(this.#factory, this.#name)
    } catch (cause) {
      throw new SymphonyError(
        'storage',
        "erase: the room's copy on this device could not be deleted; delete the data of this site in the browser's settings",
        { cause },
      )
    } finally {
      await this.destroy()
    }
  }

  /** Ends the copy. Resolves when everything is written, or cannot be. What is stored stays. */
  destroy(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #start(Channel: typeof BroadcastChannel | undefined): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#warn('late', `has not answered for ${patience / 1000} s`)
        resolve()
      }, patience)
    })
    await Promise.race([this.#open(), late])
    clearTimeout(timer)
    if (this.#ending || !Channel || this.#isStale) return
    this.#tabs = new Tabs({
      name: this.#name,
      doc: this.#doc,
      awareness: this.#awareness,
      BroadcastChannel: Channel,
      history: this.#history,
      origin: this,
      isStored: () => this.#mode === 'open',
      receive: (update, stored) => {
        if (!this.#apply([update])[0] || stored) return
        // The other tab cannot store it, so this one does.
        this.#keep(update)
        this.#save()
      },
    })
  }

  async #open(): Promise<void> {
    if (!this.#factory) return this.#forgo()
    try {
      this.#store = await Store.open(this.#factory, this.#name, () => this.#gone())
      const ours = { generation: this.generation, era: this.#history.era ?? Math.random() }
      const [stored, records] = await this.#store.load(ours, this.#startOver)
      if (!mergeable(stored, this.#history)) return this.#stale()
      this.#history.era = stored.era
      this.#history.generation ??= stored.generation
      if (this.#mode === 'opening') this.#mode = 'open'
      if (!this.#ending) this.#take(records)
      this.#save(true)
      if (this.#mode === 'open' && this.generation !== stored.generation) this.#storeGeneration()
    } catch (cause) {
      this.#forgo()
      this.#warn('open', 'cannot be opened', cause)
    }
    if (this.#ended) this.#store?.close()
  }

  /** Applies what was stored. */
  #take(records: Map<IDBValidKey, unknown>): void {
    const updates = [...records.values()]
    const read = this.#apply(updates)
    ;[...records.keys()].forEach((key, i) => {
      if (read[i]) this.#known.add(key)
    })
    const sizes = updates.map((update) => (update as Uint8Array | undefined)?.byteLength ?? 0)
    this.#base = { records: 1, bytes: Math.max(0, ...sizes) }
    this.#added = sizes.reduce((sum, size) => sum + size, -this.#base.bytes)
    if (this.#mode === 'open' && this.#isGrown(records.size)) this.#write(() => this.#compact())
  }

  /** Applies updates of storage or other tabs. Says of each whether it could be read. */
  #apply(updates: unknown[]): boolean[] {
    let read: boolean[] = []
    try {
      this.#doc.transact(() => {
        read = updates.map((update) => {
          try {
            Y.applyUpdate(this.#doc, update as Uint8Array, this)
            return true
          } catch (cause) {
            this.#warn('record', 'holds a change that cannot be read and is left out', cause)
            return false
          }
        })
      }, this)
    } catch (error) {
      // An observer of the document threw. Everything was applied.
      reportError(error)
    }
    return read
  }

  #onDestroy = (): void => {
    void this.destroy()
  }

  #onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return
    if (this.#turn.push(update) === 1) queueMicrotask(this.#flush)
  }

  /** Ends the turn: sends its changes to the other tabs and writes them. */
  #flush = (): void => {
    if (this.#turn.length > 0) {
      const update = merge(this.#turn)
      this.#turn = []
      this.#tabs?.send(update)
      this.#keep(update)
    }
    this.#save()
  }

  #keep(update: Uint8Array): void {
    if (this.#mode === 'open' || this.#mode === 'opening') this.#unsaved.push(update)
  }

  /** Writes what is unsaved; unless urgent, only when the write before has ended, so that slow storage gets few large ones. */
  #save(urgent = false): void {
    if (this.#mode !== 'open' || this.#unsaved.length === 0 || (this.#writes > 0 && !urgent)) return
    const update = merge(this.#unsaved)
    this.#unsaved = []
    this.#write(async (store) => {
      const [key, records, stored] = await store.append(this.#history.era as number, update)
      if (!this.#isCurrent(stored)) return
      this.#known.add(key)
      this.#added += update.length
      if (this.#isGrown(records)) await this.#compact()
    })
  }

  #isGrown(records: number): boolean {
    return records - this.#base.records >= maxRecords || this.#added > Math.max(maxBytes, this.#base.bytes)
  }

  /** Makes one record of all, of the document as it is now. That drops what was deleted, which merging updates would not. */
  async #compact(): Promise<void> {
    let bytes = 0
    const [stored, keys] = await (this.#store as Store).compact(
      this.#history,
      this.#known,
      (updates) => this.#apply(updates),
      () => {
        const all = Y.encodeStateAsUpdate(this.#doc)
        bytes = all.length
        return all
      },
    )
    if (!this.#isCurrent(stored)) return
    this.#known = new Set(keys.slice(0, 1))
    this.#base = { records: keys.length, bytes }
    this.#added = 0
  }

  #storeGeneration(): void {
    this.#write(async (store) => {
      this.#isCurrent(await store.setGeneration(this.#history.era as number, this.generation as number))
    })
  }

  /** Runs one write, and what came up meanwhile after it. */
  #write(write: (store: Store) => Promise<void>): void {
    this.#writes++
    const written = write(this.#store as Store)
      .catch((cause) => this.#fail(cause))
      .finally(() => {
        this.#writes--
        this.#save()
      })
    const before = this.#settled
    this.#settled = written.then(() => before)
  }

  /** A write failed: what was to be written is in the document, which is written whole when there may be room again. */
  #fail(cause: unknown): void {
    if (this.#mode !== 'open') return
    this.#mode = 'behind'
    this.#unsaved = []
    this.#warn('write', 'refused a write (it may be full)', cause)
    this.#retry = setTimeout(() => this.#catchUp(), retryAfter)
    ;(this.#retry as { unref?: () => void }).unref?.()
  }

  #catchUp(): void {
    clearTimeout(this.#retry)
    if (this.#mode !== 'behind') return
    this.#mode = 'open'
    this.#write(() => this.#compact())
  }

  /** Whether the stored history is still the one of the document. If not, ends writing. */
  #isCurrent(stored: History | undefined): boolean {
    if (this.#mode === 'none') return false
    if (!stored) this.#gone()
    else if (stored.era !== this.#history.era || !mergeable(stored, this.#history)) this.#stale()
    else {
      this.#history.generation ??= stored.generation
      return true
    }
    return false
  }

  #stale(): void {
    if (this.#isStale) return
    this.#isStale = true
    this.#forgo()
    this.#detach()
    this.emit('stale')
  }

  #gone(): void {
    if (this.#mode === 'none') return
    this.#forgo()
    this.#warn('gone', 'was deleted or replaced by another tab or by the browser')
  }

  /** Goes on without storage. */
  #forgo(): void {
    this.#mode = 'none'
    this.#unsaved = []
    clearTimeout(this.#retry)
    this.#store?.close()
    this.#store = undefined
  }

  #warn(kind: string, what: string, cause?: unknown): void {
    if (this.#warned.has(kind)) return
    this.#warned.add(kind)
    this.emit(
      'warning',
      new SymphonyError(
        'storage',
        `The browser's storage ${what}. Changes are in memory only until the server has them: keep the page open until they are saved.`,
        { cause },
      ),
    )
  }

  #onPage = ({ type, persisted }: Event & { persisted?: boolean }): void => {
    if (type === 'pageshow') {
      // Back from the browser's cache of pages: the others were told that nobody is here, and have gone on.
      if (!persisted) return
      this.#awareness.setLocalState(this.#awareness.getLocalState())
      this.#tabs?.hello()
      return
    }
    this.#flush()
    this.#save(true)
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
    this.#save(true)
    this.#detach()
    await this.loaded
    await this.#settled
    this.#catchUp()
    await this.#settled
    this.#ended = true
    // If the storage has not answered yet, what it is to write is written when it does, and then it is closed.
    if (this.#mode !== 'opening') this.#forgo()
  }
}
