import type { Fields, Keys, SyncedList, SyncedMap, SyncedText } from '@symphony-rtc/client'

/** The content of a `SyncedMap<T>` as an immutable object. */
export type MapSnapshot<T> =
  string extends Keys<T>
    ? { readonly [key: string]: Fields<T>[Keys<T>] }
    : { readonly [K in Keys<T>]?: Fields<T>[K] }

/** What a value is with everything that is nested in it as plain values: arrays, objects and strings. */
export type Plain<T> = 0 extends 1 & T
  ? any
  : T extends SyncedText
    ? string
    : T extends SyncedList<infer E>
      ? readonly Plain<E>[]
      : T extends SyncedMap<infer F>
        ? string extends Keys<F>
          ? { readonly [key: string]: Plain<Fields<F>[Keys<F>]> }
          : { readonly [K in Keys<F>]?: Plain<Fields<F>[K]> }
        : T
