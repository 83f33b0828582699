import { expect, test } from 'vitest'
import { newFactory, newKey, openTab, until } from './setup.js'

test('two tabs share changes and presence', async () => {
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
