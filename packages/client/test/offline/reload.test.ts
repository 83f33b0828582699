import { expect, test } from 'vitest'
import { newFactory, newKey, openTab } from './setup.js'

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
