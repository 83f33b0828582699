import { useCallback, useDebugValue, useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Equal } from './equal.js'

/** Something that has a value and tells when it changed. The value is identical as long as nothing changed. */
export interface Source<V> {
  get(): V
  subscribe(changed: () => void): () => void
}

/** The value itself, as a selector. */
export function all<V>(value: V): V {
  return value
}

const nothing = () => {}

/**
 * What a selector makes of a source's value; renders the component again only if that changed.
 *
 * @param server the value on a server and while its HTML is hydrated, and as long as there is no source; always the same object
 */
export function useSource<V, S>(
  source: Source<V> | undefined,
  server: V,
  select: (value: V) => S,
  isEqual: Equal<S> = Object.is,
): S {
  const shown = useRef<{ value: S } | undefined>(undefined)
  const [get, getServer] = useMemo(() => {
    const choose = chooser(select, isEqual, () => shown.current)
    return [() => choose(source ? source.get() : server), () => choose(server)]
  }, [source, server, select, isEqual])

  const latest = useRef(get)
  const subscribe = useCallback(
    (changed: () => void) =>
      source
        ? source.subscribe(
            calm(
              changed,
              () => shown.current,
              () => latest.current(),
            ),
          )
        : nothing,
    [source],
  )
  useEffect(() => {
    latest.current = get
  }, [get])
  const value = useSyncExternalStore(subscribe, get, getServer)
  useEffect(() => {
    shown.current = { value }
  }, [value])
  useDebugValue(value)
  return value
}

/** A selector that returns the very same result for the same value, and the result before for an equal one. */
function chooser<V, S>(select: (value: V) => S, isEqual: Equal<S>, shown: () => { value: S } | undefined) {
  let last: { from: V; value: S } | undefined
  return (from: V): S => {
    if (last && Object.is(last.from, from)) return last.value
    const before = last ?? shown()
    const next = select(from)
    const value = before && isEqual(before.value, next) ? before.value : next
    last = { from, value }
    return value
  }
}

/**
 * Tells React of a change at once, as inputs with a `value` need it; but once React is to render, of further changes only when it
 * did, or at the end of this turn of the event loop. So a thousand changes do not make a thousand snapshots.
 *
 * @param shown what the component shows: another object when it shows something else
 */
function calm<S>(changed: () => void, shown: () => { value: S } | undefined, get: () => S): () => void {
  /** What the component shows that React is to render again. */
  let old: { value: S } | undefined
  let more = false
  let endPlanned = false
  const end = () => {
    endPlanned = false
    old = undefined
    if (more) changed()
    more = false
  }
  return () => {
    if (old && shown() === old) {
      more = true
      return
    }
    changed()
    more = false
    old = isOld(shown(), get)
    if (!old || endPlanned) return
    endPlanned = true
    queueMicrotask(end)
  }
}

/** What is shown, if that is not what there is to show. */
function isOld<S>(shown: { value: S } | undefined, get: () => S): { value: S } | undefined {
  try {
    return shown && !Object.is(shown.value, get()) ? shown : undefined
  } catch {
    // The selector threw. React finds out by itself and shows it to the next error boundary.
    return undefined
  }
}
