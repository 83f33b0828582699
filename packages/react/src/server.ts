import { SymphonyError } from '@symphony-rtc/client'

/** Whether this renders on a server, where there are no rooms. */
export function onServer(): boolean {
  return typeof window === 'undefined'
}

const absent = new WeakSet<object>()

/**
 * What a hook returns on a server for something that exists in browsers only. It can be passed on and captured by handlers and
 * effects, which do not run there; using it while rendering is an error that says so.
 */
export function standIn<T extends object>(what: string, known: Partial<T> = {}): T {
  const proxy = new Proxy(known, {
    get(target, key) {
      // Whatever looks at values of all kinds, as React and promises do, sees an ordinary object.
      if (typeof key === 'symbol' || key in target || ['then', 'toJSON', '$$typeof'].includes(key))
        return target[key as keyof T]
      throw new SymphonyError(
        'invalid-argument',
        `${what}.${key}: there are no rooms on a server; render what hooks return, and use the ${what} in effects and event handlers`,
      )
    },
  })
  absent.add(proxy)
  return proxy as T
}

export function isStandIn(value: unknown): boolean {
  return typeof value === 'object' && value !== null && absent.has(value)
}
