import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { newFactory, newKey, noChannel, openTab, stored, until } from './setup.js'

test('the generation is stored when a server first tells it, and known after loading', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  await first.copy.loaded
  expect(first.copy.generation).toBeUndefined()
  first.doc.getMap('map').set('a', 1)
  first.copy.setGeneration(7)
  first.copy.setGeneration(7)
  await first.close()
  const second = openTab({ key, indexedDB })
  await second.copy.loaded
  expect(second.copy.generation).toBe(7)
  expect(second.doc.getMap('map').get('a')).toBe(1)
})

test('a generation told before loading is over is stored too', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.copy.setGeneration(7)
  await first.close()
  expect((await stored(indexedDB, key)).history?.generation).toBe(7)
})

test('starting over erases what is stored, and nothing of it comes back', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  for (const generation of [undefined, 5, 3]) {
    const before = openTab({ key, indexedDB })
    await before.copy.loaded
    before.doc.getArray('list').push(['of the old one'])
    if (generation) before.copy.setGeneration(before.copy.generation ?? generation)
    await before.close()
    const next = (generation ?? 1) + 10
    const tab = openTab({ key, indexedDB, generation: next })
    tab.doc.getArray('list').push([next])
    await tab.copy.loaded
    expect(tab.doc.getArray('list').toArray()).toEqual([next])
    expect(tab.copy.generation).toBe(next)
    await tab.close()
    const again = openTab({ key, indexedDB })
    await again.copy.loaded
    expect(again.copy.generation).toBe(next)
    expect(again.doc.getArray('list').toArray()).toEqual([next])
    await again.close()
  }
})

test('two tabs that start over with one generation share it: the second erases nothing', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const old = openTab({ key, indexedDB })
  old.doc.getArray('list').push(['old'])
  await old.copy.loaded
  old.copy.setGeneration(1)
  await old.close()
  const a = openTab({ key, indexedDB, generation: 2, BroadcastChannel: noChannel })
  a.doc.getArray('list').push(['a'])
  const b = openTab({ key, indexedDB, generation: 2, BroadcastChannel: noChannel })
  b.doc.getArray('list').push(['b'])
  await Promise.all([a.close(), b.close()])
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getArray('list').toArray().sort()).toEqual(['a', 'b'])
})

for (const known of [true, false]) {
  test(`when another tab starts over, a tab of ${known ? 'the old' : 'an unknown'} generation is stale: once, and writes nothing`, async () => {
    const key = newKey()
    const indexedDB = newFactory()
    const first = openTab({ key, indexedDB })
    first.doc.getMap('map').set('old', 1)
    await first.copy.loaded
    if (known) first.copy.setGeneration(1)
    const other = openTab({ key, indexedDB, generation: 2 })
    await other.copy.loaded
    expect(first.stales).toBe(0)
    for (let i = 0; i < 3; i++) {
      first.doc.getMap('map').set('late', i)
      await until(() => first.stales === 1)
    }
    first.copy.setGeneration(2)
    other.doc.getMap('map').set('new', 1)
    await Promise.all([first.close(), other.close()])
    expect(first.stales).toBe(1)
    expect(other.doc.getMap('map').toJSON()).toEqual({ new: 1 })
    expect(first.doc.getMap('map').has('new')).toBe(false)
    const again = openTab({ key, indexedDB })
    await again.copy.loaded
    expect(again.doc.getMap('map').toJSON()).toEqual({ new: 1 })
    expect([...first.warnings, ...other.warnings, ...again.warnings]).toEqual([])
  })
}

test('a tab that hears of another generation than the stored one is stale', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const [a, b] = [1, 2].map(() => openTab({ key, indexedDB, BroadcastChannel: noChannel })) as [
    ReturnType<typeof openTab>,
    ReturnType<typeof openTab>,
  ]
  await Promise.all([a.copy.loaded, b.copy.loaded])
  a.copy.setGeneration(1)
  await until(async () => (await stored(indexedDB, key)).history?.generation === 1)
  b.copy.setGeneration(2)
  await until(() => b.stales === 1)
  expect(a.stales).toBe(0)
  expect((await stored(indexedDB, key)).history?.generation).toBe(1)
})

test('what is stored of another generation than the one told while loading is not applied', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const first = openTab({ key, indexedDB })
  first.doc.getMap('map').set('old', 1)
  await first.copy.loaded
  first.copy.setGeneration(1)
  await first.close()
  const second = openTab({ key, indexedDB })
  second.copy.setGeneration(2)
  await second.copy.loaded
  expect(second.stales).toBe(1)
  expect(second.doc.getMap('map').size).toBe(0)
})

test('a generation that changes under a document makes it stale', async () => {
  const tab = openTab({ key: newKey(), indexedDB: newFactory() })
  await tab.copy.loaded
  tab.copy.setGeneration(1)
  tab.copy.setGeneration(2)
  expect(tab.stales).toBe(1)
  expect(tab.copy.generation).toBe(1)
})

test('a tab that is still of the old history does not fill one that started over', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const old = openTab({ key, indexedDB })
  await old.copy.loaded
  old.doc.getMap('map').set('old', 1)
  const witness = openTab({ key, indexedDB })
  await until(() => witness.doc.getMap('map').has('old'))
  const young = openTab({ key, indexedDB, generation: 2 })
  await young.copy.loaded
  const server = new Y.Doc()
  server.getMap('map').set('new', 1)
  Y.applyUpdate(young.doc, Y.encodeStateAsUpdate(server), 'connection')
  const youngest = openTab({ key, indexedDB })
  await until(() => youngest.doc.getMap('map').has('new'))
  expect(youngest.doc.getMap('map').toJSON()).toEqual({ new: 1 })
  expect(young.doc.getMap('map').toJSON()).toEqual({ new: 1 })
  expect(witness.doc.getMap('map').toJSON()).toEqual({ old: 1 })
})
