/** Most that the first wait can be, in ms. */
const base = 200
/** Most that any wait can be, in ms. */
const cap = 20_000

/**
 * How long to wait before trying to connect again, in ms: exponential backoff with full jitter, so that the clients of a
 * server that restarts come back spread over time, not all at once.
 *
 * @param failures how many attempts failed in a row before, 0 for the first
 */
export function backoff(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(cap, base * 2 ** failures)
}
