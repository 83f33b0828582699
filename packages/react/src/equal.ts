/** Says whether two values are so alike that a component need not render again. */
export type Equal<T> = (a: T, b: T) => boolean

/**
 * Whether two values are identical, or arrays or plain objects with identical elements. For selectors that make a new
 * array or object on every call.
 */
export function shallow<T>(a: T, b: T): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((part, i) => Object.is(part, b[i]))
  if (!isPlain(a) || !isPlain(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && Object.is(a[key], b[key]))
  )
}

/** The newer of two values, but with all parts of the older one that are equal; the older one itself if all is equal. */
export function share<T>(older: T, newer: T): T {
  if (Object.is(older, newer)) return older
  if (Array.isArray(older) && Array.isArray(newer)) {
    const parts = newer.map((part, i) => (i < older.length ? share(older[i], part) : part))
    return shallow(older, parts as typeof older) ? older : (parts as T)
  }
  if (!isPlain(older) || !isPlain(newer)) return newer
  const parts = Object.fromEntries(
    Object.entries(newer).map(([key, part]) => [
      key,
      Object.hasOwn(older, key) ? share(older[key], part) : part,
    ]),
  )
  return shallow<unknown>(older, parts) ? older : (parts as T)
}

/** Whether a value is an object of a literal, as JSON has them. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
