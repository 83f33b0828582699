import { afterEach, expect, test, vi } from 'vitest'
import { afterTurn } from '../../src/connection/turn.js'
import { until } from '../support/peers.js'

afterEach(() => vi.unstubAllGlobals())

test.each([
  ['Node.js', true],
  ['browsers', false],
])('runs once after a turn, awaits included, in %s', async (_, node) => {
  if (!node) vi.stubGlobal('setImmediate', undefined)
  let runs = 0
  const turn = afterTurn(() => runs++)
  for (let i = 0; i < 100; i++) {
    turn.schedule()
    await null
    expect(runs).toBe(0)
  }
  await until('run', () => runs === 1)
  turn.schedule()
  await until('run again', () => runs === 2)
  turn.schedule()
  turn.schedule()
  await until('run once more', () => runs === 3)
  turn.schedule()
  turn.destroy()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(runs).toBe(3)
})
