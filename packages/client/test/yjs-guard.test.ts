// Two copies of Yjs in one program: here the one that is imported and the one that is required.
import { createRequire } from 'node:module'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { SymphonyClient } from '../src/index.js'

const other = createRequire(import.meta.url)('yjs')
const options = { WebSocket: WebSocket as never, offline: false }

afterEach(() => {
  vi.doUnmock('yjs')
  vi.resetModules()
})

test('a second client with a Yjs of its own says so', async () => {
  new SymphonyClient('localhost', options)
  vi.resetModules()
  vi.doMock('yjs', () => ({ ...other }))
  const second = await import('../src/index.js')
  expect(second.SymphonyClient).not.toBe(SymphonyClient)
  expect(() => new second.SymphonyClient('localhost', options)).toThrow(
    expect.objectContaining({ code: 'duplicate-yjs', message: expect.stringContaining('npm ls yjs') }),
  )
})

test("another copy's types are refused", async () => {
  const client = new SymphonyClient('ws://127.0.0.1:1', options)
  const room = client.enter('here')
  const list = room.newList('l')
  expect(() => list.push(new other.Map())).toThrow(
    expect.objectContaining({ code: 'duplicate-yjs', message: expect.stringContaining('list.push') }),
  )
  expect(list.length).toBe(0)
  await client.leave()
})
