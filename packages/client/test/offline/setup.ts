import { IDBFactory } from 'fake-indexeddb'
import { afterEach } from 'vitest'
import * as Y from 'yjs'
import { Awareness } from '../../src/awareness.js'
import { reportError } from '../../src/emitter.js'
import { SymphonyError } from '../../src/errors.js'
import { merge } from '../../src/merge.js'
import { done, transact } from '../../src/offline/idb.js'
import { OfflineCopy, type OfflineOptions } from '../../src/offline/offline.js'

/** A tab: a document with its copy, and what the copy said. */
export interface Tab {
  doc: Y.Doc
  awareness: Awareness
  copy: OfflineCopy
  warnings: SymphonyError[]
  stales: number
  /** Ends the tab as leaving the room does. */
  close(): Promise<void>
}

let keys = 0
/** A key that no other test uses, because channels are shared by all of the process. */
export function newKey(): string {
  keys++
  return `wss://example.org/rooms/${process.pid}-${keys}`
}

const tabs = new Set<Tab>()

/** Opens a tab. */
export function openTab(options: Partial<OfflineOptions> & { key: string }): Tab {
  const doc = options.doc ?? new Y.Doc()
  const awareness = options.awareness ?? new Awareness(doc)
  const copy = new OfflineCopy({
    doc,
    awareness,
    warn: (warning) => tab.warnings.push(warning),
    stale: () => tab.stales++,
    shared: { merge, reportError, SymphonyError },
    ...options,
  })
  const tab: Tab = {
    doc,
    awareness,
    copy,
    warnings: [],
    stales: 0,
    async close() {
      tabs.delete(tab)
      await copy.destroy()
      doc.destroy()
    },
  }
  tabs.add(tab)
  return tab
}

afterEach(async () => {
  await Promise.all([...tabs].map((tab) => tab.close()))
})

/** Waits until something is so; fails after 20 s. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await what())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A new storage, as of another device. */
export function newFactory(): IDBFactory {
  return new IDBFactory()
}

/** A channel to nobody: the tab shares nothing but the storage. */
export class NoChannel {
  onmessage: unknown
  postMessage(): void {}
  close(): void {}
}
export const noChannel = NoChannel as unknown as typeof BroadcastChannel

/** What is stored of a room: the history, and the size of each record. */
export async function stored(
  indexedDB: IDBFactory,
  key: string,
): Promise<{ history: { era: number; generation?: number } | undefined; sizes: number[] }> {
  return withDatabase(indexedDB, key, async (tx) => {
    const history = await done(tx.objectStore('meta').get('history'))
    const records: { update: Uint8Array }[] = await done(tx.objectStore('updates').getAll())
    return { history, sizes: records.map(({ update }) => update.length) }
  })
}

/** Runs a function on the database of a room. */
export async function withDatabase<T>(
  indexedDB: IDBFactory,
  key: string,
  fn: (tx: IDBTransaction) => T | Promise<T>,
): Promise<T> {
  const db = await done(indexedDB.open(`symphony:${key}`))
  try {
    return (await transact(db, fn)) as T
  } finally {
    db.close()
  }
}
