/** Says whether two values are so alike that a component need not render again. */
export type Equal<T> = (a: T, b: T) => boolean

/**
 * Whether two values are identical, or arrays or plain objects with identical elements. For selectors that make a new
 * array or object on every call.
 */
export function shallow<T>(a: T, b: T): boolean {
  if (Object.is(a, b)) return true
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && Object.is(a[key], b[key]))
  )
}

/** The newer of two values, but with all parts of the older one that are equal; the older one itself if all is equal. */
export function share<T>(older: T, newer: T): T {
  if (Object.is(older, newer)) return older
  if (!isPlain(older) || !isPlain(newer) || Array.isArray(older) !== Array.isArray(newer)) return newer
  const keys = Object.keys(newer)
  let same = keys.length === Object.keys(older).length
  const parts = keys.map((key): [string, unknown] => {
    const part = Object.hasOwn(older, key) ? share(older[key], newer[key]) : newer[key]
    same &&= Object.hasOwn(older, key) && Object.is(part, older[key])
    return [key, part]
  })
  if (same) return older
  return (Array.isArray(newer) ? parts.map(([, part]) => part) : Object.fromEntries(parts)) as T
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === null || prototype === Object.prototype
}
