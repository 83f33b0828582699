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

/** What is stored of one update. Records of another era than the stored history's are void. */
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

/**
 * The IndexedDB database of one room: a log of updates, and which history they belong to.
 *
 * Each room has a database of its own: opening reads nothing of other rooms, rooms do not wait for each other's
 * transactions, and erasing one is deleting its database.
 */
export class Store {
  readonly #db: IDBDatabase

  private constructor(db: IDBDatabase) {
    this.#db = db
  }

  /** Opens the database of that name, or creates it. `gone` is called if it is closed under us: deleted, or upgraded. */
  static async open(factory: IDBFactory, name: string, gone: () => void): Promise<Store> {
    const request = factory.open(name, format)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('updates', { autoIncrement: true })
      request.result.createObjectStore('meta')
    }
    const db = await done(request)
    db.onversionchange = () => {
      db.close()
      gone()
    }
    db.onclose = gone
    return new Store(db)
  }

  /**
   * Reads everything. An empty database takes on the history `ours`, and so does one of another generation if
   * `startOver`: what it held is erased. Returns the stored history and what belongs to it, key by key.
   */
  load(
    ours: Required<Pick<History, 'era'>> & History,
    startOver: boolean,
  ): Promise<[History, Map<IDBValidKey, unknown>]> {
    return transact(this.#db, async (tx) => {
      const updates = tx.objectStore('updates')
      const [stored, keys, values] = await Promise.all([
        readHistory(tx),
        done(updates.getAllKeys()),
        done(updates.getAll()),
      ])
      const all = new Map<IDBValidKey, unknown>()
      if (!stored || (startOver && stored.generation !== ours.generation)) {
        updates.clear()
        writeHistory(tx, ours)
        return [ours, all]
      }
      values.forEach((value: Partial<StoredUpdate> | undefined, i) => {
        if (value?.era === stored.era) all.set(keys[i] as IDBValidKey, value?.update)
      })
      return [stored, all]
    })
  }

  /**
   * Adds an update of an era. Returns its key, how many records there are, and the stored history (none if it was
   * erased meanwhile): if that is of another era, what was added is void.
   *
   * The commit is asked for at once instead of after the check, so that the update is saved even if the page ends
   * before it hears of the result.
   */
  async append(era: number, update: Uint8Array): Promise<[IDBValidKey, number, History | undefined]> {
    const requests = await transact(this.#db, (tx) => {
      const updates = tx.objectStore('updates')
      const record: StoredUpdate = { era, update }
      const all = [updates.add(record), updates.count(), tx.objectStore('meta').get('history')] as const
      tx.commit?.()
      return all
    })
    return [requests[0].result, requests[1].result, requests[2].result]
  }

  /** Notes the generation of the stored history, if it has none yet. Returns the stored history. */
  setGeneration(era: number, generation: number): Promise<History | undefined> {
    return transact(this.#db, async (tx) => {
      const stored = await readHistory(tx)
      if (stored?.era === era && stored.generation === undefined) writeHistory(tx, { era, generation })
      return stored
    })
  }

  /**
   * Replaces all records with one, in one transaction, so that nobody can write between reading and deleting.
   * `absorb` is given each record whose key is not among `known` and says whether it could be read; one that could
   * not stays stored. `encode` returns everything: known, absorbed and more.
   *
   * Returns the stored history, and the keys that are left, first that of the new record; changes nothing if the
   * history is another than `ours`.
   */
  compact(
    ours: History,
    known: ReadonlySet<IDBValidKey>,
    absorb: (updates: unknown[]) => boolean[],
    encode: () => Uint8Array,
  ): Promise<[History | undefined, IDBValidKey[]]> {
    return transact(this.#db, async (tx) => {
      const updates = tx.objectStore('updates')
      const [stored, keys] = await Promise.all([readHistory(tx), done(updates.getAllKeys())])
      if (stored?.era === undefined || stored.era !== ours.era || !mergeable(stored, ours))
        return [stored, []]
      const newKeys = keys.filter((key) => !known.has(key))
      const records: (Partial<StoredUpdate> | undefined)[] = await Promise.all(
        newKeys.map((key) => done(updates.get(key))),
      )
      const read = absorb(
        records.map((record) => (record?.era === stored.era ? record?.update : emptyUpdate)),
      )
      const broken = new Set(newKeys.filter((_, i) => !read[i]))
      for (const key of keys) if (!broken.has(key)) updates.delete(key)
      const record: StoredUpdate = { era: stored.era, update: encode() }
      const key = await done(updates.add(record))
      if (stored.generation === undefined && ours.generation !== undefined) {
        writeHistory(tx, { era: stored.era, generation: ours.generation })
      }
      return [stored, [key, ...broken]]
    })
  }

  /** Deletes all content. The database itself is left, for `Store.remove`. */
  clear(): Promise<void> {
    return transact(this.#db, (tx) => {
      tx.objectStore('updates').clear()
      tx.objectStore('meta').clear()
    })
  }

  /** Closes the database once the transactions under way have ended. */
  close(): void {
    this.#db.close()
  }

  /** Deletes the database of that name; resolves when that is done or only waits for other tabs to let go of it. */
  static remove(factory: IDBFactory, name: string): Promise<unknown> {
    const request = factory.deleteDatabase(name)
    const blocked = new Promise((resolve) => {
      request.onblocked = resolve
    })
    return Promise.race([done(request), blocked])
  }
}

/** An update without content. */
const emptyUpdate = new Uint8Array(2)

function readHistory(tx: IDBTransaction): Promise<History | undefined> {
  return done(tx.objectStore('meta').get('history'))
}

function writeHistory(tx: IDBTransaction, { era, generation }: History): void {
  tx.objectStore('meta').put({ era, generation }, 'history')
}
