import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { newFactory, newKey, noChannel, openTab, stored, until } from './setup.js'

afterEach(() => {
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent'])
    Reflect.deleteProperty(globalThis, name)
})

/** Gives the process what pages have: events. */
function bePage(): EventTarget {
  const page = new EventTarget()
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  })
  return page
}

test('what was edited is there again after the tab was closed and opened, time after time', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  for (let visit = 0; visit < 5; visit++) {
    const tab = openTab({ key, indexedDB })
    await tab.copy.loaded
    const list = tab.doc.getArray('list')
    expect(list.toArray()).toEqual([...Array(visit).keys()])
    list.push([visit])
    await tab.close()
    expect(tab.warnings).toEqual([])
  }
})

test('rooms with other keys, and other devices, have other content', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  tab.doc.getMap('map').set('a', 1)
  await tab.close()
  for (const options of [
    { key: newKey(), indexedDB },
    { key, indexedDB: newFactory() },
  ]) {
    const other = openTab(options)
    await other.copy.loaded
    expect(other.doc.getMap('map').size).toBe(0)
  }
})

test('edits made before loading is over are stored, and merged with what is loaded', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.doc.getArray('list').push(['first'])
  await first.close()
  const second = openTab({ key, indexedDB })
  second.doc.getArray('list').push(['second'])
  await second.copy.loaded
  expect(second.doc.getArray('list').toArray().sort()).toEqual(['first', 'second'])
  await second.close()
  const third = openTab({ key, indexedDB })
  await third.copy.loaded
  expect(third.doc.getArray('list').toArray()).toEqual(second.doc.getArray('list').toArray())
})

test('what a document held before it got a copy is stored', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'before')
  await openTab({ key, indexedDB, doc }).close()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  expect(tab.doc.getText('text').toString()).toBe('before')
})

test('a copy that is destroyed before it loaded still stores the edits, and leaves the document alone', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.doc.getMap('map').set('first', 1)
  await first.close()
  const second = openTab({ key, indexedDB })
  second.doc.getMap('map').set('second', 2)
  await second.close()
  expect(second.doc.getMap('map').toJSON()).toEqual({ second: 2 })
  const third = openTab({ key, indexedDB })
  await third.copy.loaded
  expect(third.doc.getMap('map').toJSON()).toEqual({ first: 1, second: 2 })
})

test('updates of the server are stored as well; content of the storage is applied in one transaction of the copy', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const server = new Y.Doc()
  const first = openTab({ key, indexedDB })
  await first.copy.loaded
  for (let i = 0; i < 3; i++) {
    server.getArray('list').push([i])
    Y.applyUpdate(first.doc, Y.encodeStateAsUpdate(server), 'connection')
    await until(async () => (await stored(indexedDB, key)).sizes.length === i + 1)
  }
  await first.close()
  const second = openTab({ key, indexedDB })
  const origins: unknown[] = []
  second.doc.on('afterTransaction', (transaction) => {
    if (transaction.changed.size > 0) origins.push(transaction.origin)
  })
  await second.copy.loaded
  expect(origins).toEqual([second.copy])
  expect(second.doc.getArray('list').toArray()).toEqual([0, 1, 2])
})

test('edits of one turn are one record; those made during a write are the next one', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  const list = tab.doc.getArray('list')
  for (let i = 0; i < 1000; i++) list.push([i])
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve()
    list.push([turn])
  }
  await tab.close()
  expect((await stored(indexedDB, key)).sizes.length).toBeLessThanOrEqual(3)
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').length).toBe(1020)
})

test('an edit is stored without any further call', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB, BroadcastChannel: noChannel })
  await tab.copy.loaded
  tab.doc.getMap('map').set('a', 1)
  await until(async () => (await stored(indexedDB, key)).sizes.length === 1)
})

test('a page that is hidden begins to write at once, even while another write is under way', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const page = bePage()
  const tab = openTab({ key, indexedDB, BroadcastChannel: noChannel })
  await tab.copy.loaded
  tab.doc.getArray('list').push([1])
  await Promise.resolve()
  tab.doc.getArray('list').push([2])
  page.dispatchEvent(new Event('pagehide'))
  tab.doc.getArray('list').push([3])
  page.dispatchEvent(new Event('visibilitychange'))
  // Transactions are served in the order they were begun: this one sees what was written before it.
  expect((await stored(indexedDB, key)).sizes.length).toBe(3)
})

test('a room without storage works, and says nothing', async () => {
  expect(globalThis.indexedDB).toBeUndefined()
  const tab = openTab({ key: newKey() })
  await tab.copy.loaded
  tab.doc.getMap('map').set('a', 1)
  expect(tab.copy.generation).toBeUndefined()
  tab.copy.setGeneration(3)
  expect(tab.copy.generation).toBe(3)
  await tab.copy.erase()
  expect(tab.warnings).toEqual([])
})

test('erase leaves nothing, also after destroy; a tab that is still open goes on in memory, after a warning', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  const other = openTab({ key, indexedDB })
  await Promise.all([tab.copy.loaded, other.copy.loaded])
  tab.doc.getMap('map').set('a', 1)
  await until(() => other.doc.getMap('map').has('a'))
  await tab.close()
  await tab.copy.erase()
  await until(async () => (await indexedDB.databases()).length === 0)
  expect(other.warnings.map(({ code }) => code)).toEqual(['storage'])
  other.doc.getMap('map').set('b', 1)
  await other.close()
  expect(await indexedDB.databases()).toEqual([])
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getMap('map').size).toBe(0)
})

test('after the document was destroyed nothing is left listening', async () => {
  const page = bePage()
  let listeners = 0
  const { addEventListener, removeEventListener } = globalThis
  Object.assign(globalThis, {
    addEventListener(name: string, listener: () => void) {
      listeners++
      addEventListener(name, listener)
    },
    removeEventListener(name: string, listener: () => void) {
      listeners--
      removeEventListener(name, listener)
    },
  })
  const tab = openTab({ key: newKey(), indexedDB: newFactory() })
  await tab.copy.loaded
  expect(listeners).toBeGreaterThan(0)
  tab.doc.destroy()
  await tab.copy.destroy()
  expect(listeners).toBe(0)
  page.dispatchEvent(new Event('pagehide'))
  expect(tab.warnings).toEqual([])
})

test('large documents: 10 MB and 20,000 edits', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const tab = openTab({ key, indexedDB })
  await tab.copy.loaded
  tab.doc.getMap('map').set('blob', new Uint8Array(10 << 20).fill(7))
  for (let i = 0; i < 20_000; i++) tab.doc.getArray('list').push([i])
  await tab.close()
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').length).toBe(20_000)
  expect((again.doc.getMap('map').get('blob') as Uint8Array).length).toBe(10 << 20)
  expect(again.warnings).toEqual([])
})
