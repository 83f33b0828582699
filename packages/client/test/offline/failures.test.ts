import { forceCloseDatabase } from 'fake-indexeddb'
import { afterEach, expect, test, vi } from 'vitest'
import { done } from '../../src/offline/idb.js'
import { newFactory, newKey, noChannel, openTab, stored, type Tab, until, withDatabase } from './setup.js'

afterEach(() => {
  vi.useRealTimers()
  Reflect.deleteProperty(globalThis, 'indexedDB')
})

/** A storage whose write transactions `spoil` may damage as soon as they are made. */
function spoilt(indexedDB: IDBFactory, spoil: (tx: IDBTransaction, db: IDBDatabase) => void): IDBFactory {
  return {
    open(name: string, version?: number) {
      const request = indexedDB.open(name, version)
      request.addEventListener('success', () => {
        const db = request.result
        const transaction = db.transaction.bind(db)
        db.transaction = (...args: Parameters<typeof transaction>) => {
          const tx = transaction(...args)
          spoil(tx, db)
          return tx
        }
      })
      return request
    },
    deleteDatabase: (name: string) => indexedDB.deleteDatabase(name),
  } as unknown as IDBFactory
}

const full = new DOMException('no room', 'QuotaExceededError')

/** Aborts a transaction as a browser does whose disk is full. */
function abortAsFull(tx: IDBTransaction): void {
  Object.defineProperty(tx, 'error', { value: full })
  const abort = () => {
    try {
      tx.abort()
    } catch {
      // It was committed, or aborted before.
    }
  }
  tx.commit = abort
  queueMicrotask(abort)
}

/** Lets no record in. */
function throwAsFull(tx: IDBTransaction): void {
  tx.objectStore('updates').add = () => {
    throw full
  }
}

function expectWarnings(tab: Tab, ...causes: unknown[]): void {
  expect(tab.warnings.map(({ code }) => code)).toEqual(causes.map(() => 'storage'))
  expect(tab.warnings.map(({ cause }) => cause)).toEqual(causes)
  for (const { message } of tab.warnings) expect(message).toMatch(/in memory only until the server has them/)
}

test('a storage that cannot be opened: the room works, after a warning', async () => {
  const denied = new DOMException('denied', 'SecurityError')
  const key = newKey()
  const indexedDB = {
    open() {
      throw denied
    },
  } as unknown as IDBFactory
  const a = openTab({ key, indexedDB })
  const b = openTab({ key, indexedDB })
  a.doc.getMap('map').set('early', 1)
  await Promise.all([a.copy.loaded, b.copy.loaded])
  a.doc.getMap('map').set('late', 2)
  await until(() => b.doc.getMap('map').size === 2)
  for (const tab of [a, b]) expectWarnings(tab, denied)
  await expect(a.copy.erase()).rejects.toMatchObject({ code: 'storage', cause: denied })
})

test('a browser that does not even let one see its storage: the same', async () => {
  const denied = new DOMException('denied', 'SecurityError')
  Object.defineProperty(globalThis, 'indexedDB', {
    configurable: true,
    get() {
      throw denied
    },
  })
  const tab = openTab({ key: newKey() })
  await tab.copy.loaded
  expectWarnings(tab, denied)
})

test('a database of a later version of this code is left alone', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const request = indexedDB.open(`symphony:${key}`, 2)
  const db = await done(request)
  db.close()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  expect(tab.warnings.map(({ cause }) => (cause as Error).name)).toEqual(['VersionError'])
  await tab.close()
  expect((await indexedDB.databases())[0]?.version).toBe(2)
})

test('a storage that fails while it is read', async () => {
  const tab = openTab({ key: newKey(), indexedDB: spoilt(newFactory(), abortAsFull) })
  await tab.copy.loaded
  expectWarnings(tab, full)
  tab.doc.getMap('map').set('a', 1)
  expect(tab.doc.getMap('map').get('a')).toBe(1)
})

test('a storage that does not answer: loading ends all the same, and once it answers the edits are stored', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const key = newKey()
  const indexedDB = newFactory()
  // Whoever opens a database waits while it is being deleted, and that waits for those who have it open.
  const holder = await done(indexedDB.open(`symphony:${key}`))
  indexedDB.deleteDatabase(`symphony:${key}`)
  const left = openTab({ key, indexedDB, BroadcastChannel: noChannel })
  const tab = openTab({ key, indexedDB, BroadcastChannel: noChannel })
  left.doc.getMap('map').set('left', 1)
  const leaving = left.close()
  tab.doc.getMap('map').set('early', 1)
  vi.advanceTimersByTime(5_000)
  await tab.copy.loaded
  expect(tab.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/has not answered yet/)])
  await leaving
  tab.doc.getMap('map').set('late', 2)
  holder.close()
  await untilWithoutTimers(async () => {
    const databases = await indexedDB.databases()
    return databases.length === 1 && (await stored(indexedDB, key)).sizes.length === 2
  })
  await tab.close()
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getMap('map').toJSON()).toEqual({ left: 1, early: 1, late: 2 })
  expect(tab.warnings.length).toBe(1)
})

for (const [how, spoil] of Object.entries({ abortAsFull, throwAsFull })) {
  test(`a full storage: a warning, work in memory, and everything is written when there is room (${how})`, async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const key = newKey()
    const indexedDB = newFactory()
    let isFull = false
    let spoilings = 0
    const tab = openTab({
      key,
      indexedDB: spoilt(indexedDB, (tx) => {
        if (!isFull) return
        spoilings++
        spoil(tx)
      }),
      BroadcastChannel: noChannel,
    })
    await tab.copy.loaded
    const map = tab.doc.getMap('map')
    map.set('a', 1)
    await untilWithoutTimers(async () => (await stored(indexedDB, key)).sizes.length === 1)
    isFull = true
    map.set('b', 2)
    await untilWithoutTimers(() => tab.warnings.length === 1)
    map.set('c', 3)
    vi.advanceTimersByTime(30_000)
    await untilWithoutTimers(() => spoilings === 2)
    await untilWithoutTimers(() => vi.getTimerCount() === 1)
    map.set('d', 4)
    isFull = false
    vi.advanceTimersByTime(30_000)
    await untilWithoutTimers(
      async () => (await stored(indexedDB, key)).sizes.length === 1 && vi.getTimerCount() === 0,
    )
    expectWarnings(tab, full)
    map.set('e', 5)
    await tab.close()
    const again = openTab({ key, indexedDB })
    await again.copy.loaded
    expect(again.doc.getMap('map').toJSON()).toEqual({ a: 1, b: 2, c: 3, d: 4, e: 5 })
  })
}

/** `until` without timers, which are not real in these tests. */
async function untilWithoutTimers(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    if (await what()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`waited in vain until ${what}`)
}

test('what could not be written is tried once more when the room is left', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  let spoils = 0
  const tab = openTab({
    key,
    indexedDB: spoilt(indexedDB, (tx) => {
      if (spoils-- > 0) abortAsFull(tx)
    }),
  })
  await tab.copy.loaded
  spoils = 1
  tab.doc.getMap('map').set('a', 1)
  await tab.close()
  expectWarnings(tab, full)
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getMap('map').get('a')).toBe(1)
})

test('edits during a write that fails are written with it later', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  let spoils = 0
  const tab = openTab({
    key,
    indexedDB: spoilt(indexedDB, (tx) => {
      if (spoils-- > 0) abortAsFull(tx)
    }),
  })
  await tab.copy.loaded
  spoils = 1
  for (let i = 0; i < 50; i++) {
    tab.doc.getArray('list').push([i])
    await Promise.resolve()
  }
  await tab.close()
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').length).toBe(50)
})

test('a database that the browser takes away: a warning, and work in memory', async () => {
  const key = newKey()
  let database: IDBDatabase | undefined
  const indexedDB = spoilt(newFactory(), (_, db) => {
    database = db
  })
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  forceCloseDatabase(database as never)
  await until(() => tab.warnings.length === 1)
  expectWarnings(tab, undefined)
  tab.doc.getMap('map').set('a', 1)
  tab.copy.setGeneration(4)
  expect(tab.copy.generation).toBe(4)
  await tab.close()
  expect(tab.warnings.length).toBe(1)
})

test('records that cannot be read are left out, told of once, and never deleted', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.doc.getMap('map').set('a', 1)
  await first.close()
  const { history } = await stored(indexedDB, key)
  const broken = [new Uint8Array([255, 255, 255]), new Uint8Array([1, 1, 1, 0, 200]), 'text', undefined]
  await withDatabase(indexedDB, key, (tx) => {
    for (const update of broken) tx.objectStore('updates').add({ era: history?.era, update })
  })
  const second = openTab({ key, indexedDB })
  second.doc.getMap('map').set('b', 2)
  await second.copy.loaded
  expect(second.warnings.map(({ code }) => code)).toEqual(['storage'])
  expect(second.warnings[0]?.message).toMatch(/cannot be read/)
  second.copy.setGeneration(1)
  await second.close()
  const records = await withDatabase(indexedDB, key, (tx) => done(tx.objectStore('updates').getAll()))
  for (const update of broken) expect(records.map((record) => record.update)).toContainEqual(update)
  expect(records.length).toBe(broken.length + 1)
  const third = openTab({ key, indexedDB })
  await third.copy.loaded
  expect(third.doc.getMap('map').toJSON()).toEqual({ a: 1, b: 2 })
})

test("an observer that throws is reported as the application's, and loses nothing", async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.doc.getMap('map').set('a', 1)
  await first.close()
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const uncaught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve))
  const second = openTab({ key, indexedDB })
  second.doc.getMap('map').observe(() => {
    throw new Error('of the application')
  })
  await second.copy.loaded
  expect(second.doc.getMap('map').get('a')).toBe(1)
  expect(second.warnings).toEqual([])
  expect((await uncaught).message).toBe('of the application')
  for (const listener of listeners) process.on('uncaughtException', listener)
})
