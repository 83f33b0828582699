import { expect, test } from 'vitest'
import { backoff } from '../../src/connection/backoff.js'

test('waits grow exponentially, have full jitter, and a bound', () => {
  const most = Array.from({ length: 60 }, (_, failures) => backoff(failures, () => 1))
  expect(most.slice(0, 9)).toEqual([200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000])
  expect(Math.max(...most)).toBe(20_000)
  expect(backoff(5, () => 0)).toBe(0)
  expect(backoff(3, () => 0.25)).toBe(400)
  for (let i = 0; i < 1000; i++) {
    const wait = backoff(2)
    expect(wait).toBeGreaterThanOrEqual(0)
    expect(wait).toBeLessThan(800)
  }
})
