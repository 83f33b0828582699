import * as Y from 'yjs'
import type { merge } from '../merge.js'
import { type History, mergeable, Store } from './store.js'

/** After how many ms a failed write is tried again. */
const retryAfter = 30_000
/** How many records a store may have before it is compacted. */
const maxRecords = 500
/** How many bytes, in records besides the largest. If the largest is larger, as many as that. */
const maxBytes = 1 << 20

export interface SaverOptions {
  /** Without, nothing is ever saved. */
  factory: IDBFactory | undefined
  name: string
  doc: Y.Doc
  merge: typeof merge
  /** The history of the document; what is unknown in it is learnt from the store. */
  history: History
  /** Whether what is stored of another generation is to be erased. */
  startOver: boolean
  /** Applies what was stored; says of each update whether it could be read. */
  apply: (updates: unknown[]) => boolean[]
  /** The storage failed in some way. */
  warn: (kind: 'open' | 'write' | 'gone', cause?: unknown) => void
  /** The stored history is another than that of the document. Nothing is saved any more. */
  stale: () => void
}

/** Keeps the store of a room up to date with its document. */
export class Saver {
  readonly #o: SaverOptions
  #store: Store | undefined
  /**
   * What becomes of changes. `opening`: collected. `open`: written. `behind`: a write failed, so the next one is of the
   * whole document, and changes need not be collected. `none`: nothing is saved any more.
   */
  #mode: 'opening' | 'open' | 'behind' | 'none' = 'opening'
  /** Changes that no write was begun for. */
  #unsaved: Uint8Array[] = []
  /** How many writes are under way. */
  #writes = 0
  /** Resolves when the writes begun so far have ended. */
  #settled: Promise<void> = Promise.resolve()
  #retry: ReturnType<typeof setTimeout> | undefined
  /** Bytes stored, as far as this tab knows, and of the largest record. */
  #bytes = 0
  #largest = 0
  #ended = false

  constructor(options: SaverOptions) {
    this.#o = options
  }

  /** Whether changes are being saved. */
  get works(): boolean {
    return this.#mode === 'open'
  }

  /** Opens the store, applies what it has to the document, and begins to write. Never rejects. */
  async open(): Promise<void> {
    const { factory, name, startOver } = this.#o
    if (!factory) return this.stop()
    try {
      this.#store = await Store.open(factory, name, () => this.#gone())
      await this.#sync(startOver ? 'startOver' : 'begin')
      if (this.#mode === 'opening') this.#mode = 'open'
      this.save(true)
    } catch (cause) {
      this.stop()
      this.#o.warn('open', cause)
    }
    if (this.#ended) this.stop()
  }

  /** Takes a change, to be written by the next `save`. */
  keep(update: Uint8Array): void {
    if (this.#mode === 'open' || this.#mode === 'opening') this.#unsaved.push(update)
  }

  /** Writes what was kept. Unless urgent, when the write before has ended: slow storage gets fewer and larger ones. */
  save(urgent = false): void {
    if (!this.works || this.#unsaved.length === 0 || (this.#writes > 0 && !urgent)) return
    const update = this.#o.merge(this.#o.doc, this.#unsaved)
    this.#unsaved = []
    this.#write(async (store) => {
      const era = this.#o.history.era as number
      const [records, stored] = await store.append(era, update)
      this.#count(update)
      if (this.#isCurrent(stored, era) && this.#isGrown(records)) await this.#sync('compact')
    })
  }

  /** Writes the whole document; the store notes its history's generation with it. */
  saveAll(): void {
    if (this.works) this.#write(() => this.#sync('compact'))
  }

  /** Resolves when everything is written, or cannot be; the store is closed then. */
  async end(): Promise<void> {
    this.save(true)
    await this.#settled
    this.#catchUp()
    await this.#settled
    this.#ended = true
    // If the storage has not answered yet, what it is to write is written when it does.
    if (this.#mode !== 'opening') this.stop()
  }

  /** Ends saving, at once. */
  stop(): void {
    this.#mode = 'none'
    this.#unsaved = []
    clearTimeout(this.#retry)
    this.#store?.close()
  }

  #count({ length }: Uint8Array): void {
    this.#bytes += length
    this.#largest = Math.max(this.#largest, length)
  }

  /** Whether compacting is worth it: it writes as much again as the largest record, which is the last compacted one. */
  #isGrown(records: number): boolean {
    return records > maxRecords || this.#bytes - this.#largest > Math.max(maxBytes, this.#largest)
  }

  /** Takes over what the store has and the document lacks, and compacts the store: if told to, or if it has grown. */
  async #sync(how: 'begin' | 'startOver' | 'compact'): Promise<void> {
    const { doc, history, apply } = this.#o
    let compacted: Uint8Array | undefined
    const stored = await (this.#store as Store).sync(history, how, {
      absorb: (updates) => {
        const read = apply(updates)
        updates.forEach((update, i) => {
          if (read[i]) this.#count(update as Uint8Array)
        })
        return read
      },
      encode: (records) => {
        // Encoding the document drops what was deleted, which merging updates would not.
        if (how === 'compact' || this.#isGrown(records)) compacted = Y.encodeStateAsUpdate(doc)
        return compacted
      },
    })
    if (!this.#isCurrent(stored, how === 'compact' ? history.era : stored?.era)) return
    history.era = stored.era
    if (!compacted) return
    this.#bytes = this.#largest = 0
    this.#count(compacted)
  }

  /** Runs one write, and what came up meanwhile after it. */
  #write(write: (store: Store) => Promise<void>): void {
    this.#writes++
    const written = write(this.#store as Store)
      .catch((cause) => this.#fail(cause))
      .finally(() => {
        this.#writes--
        this.save()
      })
    const before = this.#settled
    this.#settled = written.then(() => before)
  }

  /** A write failed. What it was to write is in the document too, which is written whole later, when there may be room. */
  #fail(cause: unknown): void {
    if (!this.works) return
    this.#mode = 'behind'
    this.#unsaved = []
    this.#retry = setTimeout(() => this.#catchUp(), retryAfter)
    ;(this.#retry as { unref?: () => void }).unref?.()
    this.#o.warn('write', cause)
  }

  #catchUp(): void {
    clearTimeout(this.#retry)
    if (this.#mode !== 'behind') return
    this.#mode = 'open'
    this.saveAll()
  }

  /** Whether the stored history is still the one of the document. If not, ends saving. */
  #isCurrent(stored: History | undefined, era: number | undefined): stored is History {
    const { history, stale } = this.#o
    if (this.#mode === 'none') return false
    if (!stored) {
      this.#gone()
      return false
    }
    if (stored.era !== era || !mergeable(stored, history)) {
      this.stop()
      stale()
      return false
    }
    history.generation ??= stored.generation
    return true
  }

  #gone(): void {
    if (this.#mode === 'none') return
    this.stop()
    this.#o.warn('gone')
  }
}
