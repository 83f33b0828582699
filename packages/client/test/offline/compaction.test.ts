import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { done } from '../../src/offline/idb.js'
import { newFactory, newKey, noChannel, openTab, stored, type Tab, until, withDatabase } from './setup.js'

/** Makes an edit and waits until it is a record: a transaction begun later has been served. */
async function record(tab: Tab, [indexedDB, key]: Device, edit: (doc: Y.Doc) => void): Promise<void> {
  edit(tab.doc)
  await Promise.resolve()
  await withDatabase(indexedDB, key, (tx) => done(tx.objectStore('meta').count()))
}

type Device = [indexedDB: IDBFactory, key: string]

test('the number of records is bounded, and compacting keeps everything', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  let most = 0
  for (let i = 0; i < 1200; i++) {
    await record(tab, [indexedDB, key], (doc) => doc.getArray('list').push([i]))
    if (i % 20 === 0) most = Math.max(most, (await stored(indexedDB, key)).sizes.length)
  }
  await tab.close()
  expect(most).toBeGreaterThan(400)
  expect(most).toBeLessThanOrEqual(501)
  expect((await stored(indexedDB, key)).sizes.length).toBeLessThan(500)
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').toArray()).toEqual([...Array(1200).keys()])
})

test('the number of bytes is bounded: content that was deleted does not stay', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  let most = 0
  for (let i = 0; i < 60; i++) {
    await record(tab, [indexedDB, key], (doc) => doc.getMap('map').set('a', String(i).repeat(50_000)))
    const bytes = (await stored(indexedDB, key)).sizes.reduce((sum, size) => sum + size, 0)
    most = Math.max(most, bytes)
  }
  expect(most).toBeGreaterThan(500_000)
  expect(most).toBeLessThan(2_000_000)
})

test('a store that has grown is compacted on loading', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  tab.doc.getArray('list').push(['first'])
  await tab.close()
  // Many tabs that each wrote a little leave such a store.
  const { history } = await stored(indexedDB, key)
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  for (let i = 0; i < 700; i++) doc.getArray('list').push([i])
  await withDatabase(indexedDB, key, (tx) => {
    for (const update of updates) tx.objectStore('updates').add({ era: history?.era, update })
  })
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').length).toBe(701)
  expect((await stored(indexedDB, key)).sizes.length).toBe(1)
  await again.close()
  const third = openTab({ key, indexedDB })
  await third.copy.loaded
  expect(third.doc.getArray('list').toArray()).toEqual(again.doc.getArray('list').toArray())
})

test('two tabs that know nothing of each other compact at the same time, and nothing is lost', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tabs = [1, 2].map(() => openTab({ key, indexedDB, BroadcastChannel: noChannel }))
  await Promise.all(tabs.map(({ copy }) => copy.loaded))
  for (let i = 0; i < 600; i++) {
    await Promise.all(
      tabs.map((tab, t) => record(tab, [indexedDB, key], (doc) => doc.getArray('list').push([`${t}:${i}`]))),
    )
    // Notes the generation, which compacts: both at once.
    if (i === 300) for (const { copy } of tabs) copy.setGeneration(1)
  }
  await Promise.all(tabs.map((tab) => tab.close()))
  expect((await stored(indexedDB, key)).sizes.length).toBeLessThan(510)
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  const list = again.doc.getArray<string>('list').toArray()
  expect(list.length).toBe(1200)
  expect(new Set(list).size).toBe(1200)
  expect(again.warnings).toEqual([])
})

test('records of a history that ended are void, and go with the next compaction', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  tab.doc.getMap('map').set('a', 1)
  await tab.close()
  const strange = new Y.Doc()
  strange.getMap('map').set('strange', 1)
  await withDatabase(indexedDB, key, (tx) => {
    tx.objectStore('updates').add({ era: 0.5, update: Y.encodeStateAsUpdate(strange) })
  })
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  again.copy.setGeneration(1)
  await until(async () => (await stored(indexedDB, key)).sizes.length === 1)
  expect(again.doc.getMap('map').toJSON()).toEqual({ a: 1 })
})

test('changes that wait for others which are missing stay stored when the store is compacted', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const source = new Y.Doc()
  const updates: Uint8Array[] = []
  source.on('update', (update: Uint8Array) => updates.push(update))
  source.getText('text').insert(0, 'a')
  source.getText('text').insert(1, 'b')
  const tab = openTab({ key, indexedDB })
  await tab.close()
  const { history } = await stored(indexedDB, key)
  await withDatabase(indexedDB, key, (tx) => {
    tx.objectStore('updates').add({ era: history?.era, update: updates[1] })
  })
  const second = openTab({ key, indexedDB })
  await second.copy.loaded
  second.copy.setGeneration(1)
  await second.close()
  const third = openTab({ key, indexedDB })
  await third.copy.loaded
  expect(third.doc.getText('text').toString()).toBe('')
  Y.applyUpdate(third.doc, updates[0] as Uint8Array)
  expect(third.doc.getText('text').toString()).toBe('ab')
})
