import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { newFactory, newKey, openTab, stored, until } from './setup.js'

type Post = { to?: number; update?: Uint8Array; awareness?: Uint8Array }

/** Counts what is posted on channels of its class. */
function countingChannel() {
  const posts: Post[] = []
  const Channel = class extends BroadcastChannel {
    override postMessage(message: Post): void {
      posts.push(message)
      super.postMessage(message)
    }
  }
  return { Channel, posts }
}

test('two tabs share changes and presence; who closes is gone', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const a = openTab({ key, indexedDB })
  const b = openTab({ key, indexedDB })
  await Promise.all([a.copy.loaded, b.copy.loaded])
  a.doc.getArray('list').push(['from a'])
  a.awareness.setLocalState({ name: 'a' })
  await until(() => b.doc.getArray('list').length === 1)
  await until(() => b.awareness.getStates().get(a.doc.clientID)?.name === 'a')
  b.doc.getArray('list').push(['from b'])
  await until(() => a.doc.getArray('list').length === 2)
  expect(a.doc.getArray('list').toArray()).toEqual(['from a', 'from b'])
  await a.close()
  await until(() => !b.awareness.getStates().has(a.doc.clientID))
})

test('a tab that opens later knows who is there, and they know it', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const a = openTab({ key, indexedDB })
  a.awareness.setLocalState({ name: 'a' })
  await a.copy.loaded
  const b = openTab({ key, indexedDB })
  b.awareness.setLocalState({ name: 'b' })
  await until(() => b.awareness.getStates().get(a.doc.clientID)?.name === 'a')
  await until(() => a.awareness.getStates().get(b.doc.clientID)?.name === 'b')
})

test('tabs without any storage share all the same, what was there before included', async () => {
  const key = newKey()
  const a = openTab({ key, BroadcastChannel })
  a.doc.getMap('map').set('a', 1)
  await a.copy.loaded
  const b = openTab({ key, BroadcastChannel })
  b.doc.getMap('map').set('b', 2)
  await until(() => b.doc.getMap('map').size === 2 && a.doc.getMap('map').size === 2)
})

test('what a tab without storage edits is stored by one that has it', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const a = openTab({ key, indexedDB })
  const b = openTab({ key, BroadcastChannel })
  b.doc.getMap('map').set('early', 1)
  await Promise.all([a.copy.loaded, b.copy.loaded])
  b.doc.getMap('map').set('late', 2)
  await until(() => a.doc.getMap('map').size === 2)
  await Promise.all([a.close(), b.close()])
  const again = openTab({ key, indexedDB })
  await again.copy.loaded
  expect(again.doc.getMap('map').toJSON()).toEqual({ early: 1, late: 2 })
})

test('a change is sent once and stored once, by the tab that made it', async () => {
  const key = newKey()
  const indexedDB = newFactory()
  const { Channel, posts } = countingChannel()
  const tabs = [1, 2, 3].map(() => openTab({ key, indexedDB, BroadcastChannel: Channel }))
  await Promise.all(tabs.map(({ copy }) => copy.loaded))
  // All are greeted once this has gone round.
  for (const { doc } of tabs) doc.getArray('list').push([0])
  await until(() => tabs.every(({ doc }) => doc.getArray('list').length === 3))
  await until(async () => (await stored(indexedDB, key)).sizes.length >= 3)
  const before = (await stored(indexedDB, key)).sizes.length
  posts.length = 0
  for (let i = 0; i < 10; i++) tabs[0]?.doc.getArray('list').push([i])
  await until(() => tabs.every(({ doc }) => doc.getArray('list').length === 13))
  await Promise.all(tabs.map((tab) => tab.close()))
  expect(posts.filter(({ update }) => update)).toHaveLength(1)
  expect((await stored(indexedDB, key)).sizes.length).toBe(before + 1)
})

test('presence that is heard is not told on', async () => {
  const key = newKey()
  const { Channel, posts } = countingChannel()
  const tabs = [1, 2, 3].map(() => openTab({ key, BroadcastChannel: Channel }))
  await Promise.all(tabs.map(({ copy }) => copy.loaded))
  const [a, b, c] = tabs as [(typeof tabs)[0], (typeof tabs)[0], (typeof tabs)[0]]
  // The state that y-protocols gives every client is not taken over by others; one that was set is.
  for (const { awareness } of tabs) awareness.setLocalState({})
  const knowsAll = () => tabs.every(({ awareness }) => awareness.getStates().size === 3)
  await until(knowsAll)
  const changes: unknown[] = []
  b.awareness.on('change', (change: { updated: number[] }) => changes.push(change.updated))
  posts.length = 0
  a.awareness.setLocalState({ x: 1 })
  await until(() => [b, c].every(({ awareness }) => awareness.getStates().get(a.doc.clientID)?.x === 1))
  expect(changes).toEqual([[a.doc.clientID]])
  expect(posts.filter(({ to, awareness }) => awareness && !to)).toHaveLength(1)
})

test('documents of two generations do not mix', async () => {
  const key = newKey()
  const old = openTab({ key, BroadcastChannel, generation: 1 })
  const young = openTab({ key, BroadcastChannel, generation: 2 })
  const witness = openTab({ key, BroadcastChannel, generation: 2 })
  await Promise.all([old, young, witness].map(({ copy }) => copy.loaded))
  old.doc.getMap('map').set('old', 1)
  young.doc.getMap('map').set('young', 1)
  await until(() => witness.doc.getMap('map').has('young'))
  expect(witness.doc.getMap('map').toJSON()).toEqual({ young: 1 })
  expect(young.doc.getMap('map').toJSON()).toEqual({ young: 1 })
  expect(old.doc.getMap('map').toJSON()).toEqual({ old: 1 })
})

test('a tab that took content of a generation is of that generation', async () => {
  const key = newKey()
  const a = openTab({ key, BroadcastChannel })
  const b = openTab({ key, BroadcastChannel })
  await Promise.all([a.copy.loaded, b.copy.loaded])
  a.copy.setGeneration(5)
  await until(() => b.copy.generation === 5)
})

test('what is not of this protocol, or cannot be read, does no harm', async () => {
  const key = newKey()
  const tab = openTab({ key, BroadcastChannel })
  await tab.copy.loaded
  const stranger = new BroadcastChannel(`symphony:${key}`)
  const base = { v: 1, from: 1, history: {}, stored: true }
  for (const message of [
    null,
    'hello',
    {},
    { v: 2, update: 1 },
    { ...base, update: new Uint8Array([1, 2, 3]) },
  ]) {
    stranger.postMessage(message)
  }
  const doc = new Y.Doc()
  doc.getMap('map').set('a', 1)
  stranger.postMessage({ ...base, update: Y.encodeStateAsUpdate(doc) })
  await until(() => tab.doc.getMap('map').has('a'))
  stranger.close()
})
