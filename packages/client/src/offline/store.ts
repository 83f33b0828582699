import { done, transact } from './idb.js'

/**
 * What tells one history of a room from another. Documents of two histories must never be merged: content would double.
 * The generation is the server's name for it, and is unknown to a device that never reached the server. The era is this
 * device's own: a random number, new each time the device starts over.
 */
export interface History {
  era?: number
  generation?: number
}

/** What is stored of one update. It is void if its era is not that of the stored history. */
interface StoredUpdate {
  era: number
  update: Uint8Array
}

/** Whether documents of the two may be merged, as far as is known. The server's word counts most. */
export function mergeable(a: History, b: History): boolean {
  if (a.generation !== undefined && b.generation !== undefined) return a.generation === b.generation
  return a.era === undefined || b.era === undefined || a.era === b.era
}

/** The version of the database is the version of its format. A later one cannot be opened by this code. */
const format = 1

/** What `Store.sync` needs of the document. */
export interface Content {
  /** Applies updates and says of each whether it could be read. Those that could not stay stored as they are. */
  absorb(updates: unknown[]): boolean[]
  /** All of the document as one update, to replace all records but those that could not be read; or nothing, to leave them. */
  encode(records: number): Uint8Array | undefined
}

/**
 * The IndexedDB database of one room: a log of updates, and which history they belong to.
 *
 * Each room has a database of its own: opening reads nothing of other rooms, rooms do not wait for each other's
 * transactions, and erasing one is deleting its database. Updates are in Yjs's first format, as they come and as they
 * travel; the second is smaller for whole documents, but larger for single edits.
 */
export class Store {
  readonly #db: IDBDatabase
  /** The records whose content is in the document. Only committed ones: the key of an aborted one is given out again. */
  #known = new Set<IDBValidKey>()

  private constructor(db: IDBDatabase) {
    this.#db = db
  }

  /** Opens the database of that name, or creates it. `gone` is called if it is closed under us: deleted, or upgraded. */
  static async open(factory: IDBFactory, name: string, gone?: () => void): Promise<Store> {
    const request = factory.open(name, format)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('updates', { autoIncrement: true })
      request.result.createObjectStore('meta')
    }
    const db = await done(request)
    db.onversionchange = () => {
      db.close()
      gone?.()
    }
    db.onclose = () => gone?.()
    return new Store(db)
  }

  /**
   * Adds an update of an era. Returns how many records there are, and the stored history (none if it was erased
   * meanwhile): if that is of another era, what was added is void.
   *
   * The commit is asked for at once instead of after a check, so that the update is saved even if the page ends before
   * it hears of the result.
   */
  async append(era: number, update: Uint8Array): Promise<[records: number, stored: History | undefined]> {
    const [key, records, stored] = await transact(this.#db, (tx) => {
      const updates = tx.objectStore('updates')
      const record: StoredUpdate = { era, update }
      const requests = [updates.add(record), updates.count(), tx.objectStore('meta').get('history')] as const
      tx.commit?.()
      return requests
    })
    this.#known.add(key.result)
    return [records.result, stored.result]
  }

  /**
   * Brings document and store together, in one transaction, so that nobody writes between reading and deleting:
   * reads what the document lacks, notes the generation if the stored history has none, and replaces the records with
   * one if `content` wants it.
   *
   * 'begin': an empty store takes on the history `ours`. 'startOver': so does one of another generation, and what it
   * held is erased. Returns the stored history; if that cannot be merged with `ours` nothing was read or changed.
   */
  async sync(
    ours: History,
    how: 'begin' | 'startOver' | 'compact',
    content: Content,
  ): Promise<History | undefined> {
    const [stored, read, added] = await transact(this.#db, async (tx) => {
      const updates = tx.objectStore('updates')
      const meta = tx.objectStore('meta')
      let [stored, keys] = await Promise.all([
        done<History | undefined>(meta.get('history')),
        done(updates.getAllKeys()),
      ])
      if (stored ? how === 'startOver' && stored.generation !== ours.generation : how !== 'compact') {
        updates.clear()
        keys = []
        stored = { era: ours.era ?? Math.random(), generation: ours.generation }
        meta.put(stored, 'history')
      }
      if (!stored || !mergeable(stored, ours)) return [stored, []]
      if (stored.generation === undefined && ours.generation !== undefined) {
        stored.generation = ours.generation
        meta.put(stored, 'history')
      }
      const { era } = stored
      const unknown = keys.filter((key) => !this.#known.has(key))
      const records: (StoredUpdate | undefined)[] = await Promise.all(
        unknown.map((key) => done(updates.get(key))),
      )
      const could = content.absorb(
        records.map((record) => (record && record.era !== era ? nothing : record?.update)),
      )
      const read = unknown.filter((_, i) => could[i])
      const update = content.encode(keys.length)
      if (!update) return [stored, read]
      for (const key of [...read, ...keys.filter((key) => this.#known.has(key))]) updates.delete(key)
      return [stored, read, await done(updates.add({ era, update }))]
    })
    if (added) this.#known = new Set([added])
    else for (const key of read) this.#known.add(key)
    return stored
  }

  /** Closes the database once the transactions under way have ended. */
  close(): void {
    this.#db.close()
  }

  /** Deletes the database of that name. */
  static async erase(factory: IDBFactory, name: string): Promise<void> {
    // Emptied first, because the deletion waits until all tabs have let go of the database.
    const store = await Store.open(factory, name)
    await transact(store.#db, (tx) => {
      tx.objectStore('updates').clear()
      tx.objectStore('meta').clear()
    })
    store.close()
    const request = factory.deleteDatabase(name)
    await new Promise((resolve, reject) => {
      request.onsuccess = request.onblocked = resolve
      request.onerror = () => reject(request.error)
    })
  }
}

/** An update without content. */
const nothing = new Uint8Array(2)
