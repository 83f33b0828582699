import { Y } from '../yjs.js'

/*
 * How an element of a list moves.
 *
 * Yjs has no move, and deleting an element here and inserting it there doubles it if two people do so at the same time;
 * besides, a nested type would lose its identity. So the element stays where it is in the Y.Array, its home, and a marker
 * `{ "symphony:moved": "<client>:<clock>", n }` is inserted at the place where it is shown; it names the element by the
 * id that Yjs gave it. Readers show the element in the place of the marker and not at home.
 *
 * - Several markers of one element, of concurrent moves: the highest `n` wins, then the last one in the list. All
 *   clients see the same array, so that they choose the same one: an element is shown once, whatever happens.
 * - A move deletes the markers of the element that it sees, and gives its own an `n` over theirs. So an element has
 *   seldom more than one, and undoing a move does not bring an older place back over a move of somebody else.
 * - A marker whose element is deleted is not shown: deleted stays deleted.
 * - Replacing an element (set) ends its move: the new one is stored where the old one was shown.
 * - Lists in which nothing was moved hold no markers. Plain Yjs clients see moved elements at home, and the markers.
 *
 * Undoing a deletion gives the element a new id. The client that undoes knows which (Yjs follows undone deletions), and
 * appends an alias `{ "symphony:moved": <old id>, to: <new id> }`, which is not part of any history; see `repair`. Without
 * one, as after the undo of a plain UndoManager, the element is shown at home. Markers are never rewritten, so that undo
 * and redo of the moves themselves find them.
 */

/** The key that tells a marker from other elements of a list. */
export const movedKey = 'symphony:moved'

/** The origin of transactions that repair markers; no history tracks them. */
export const repairOrigin = Symbol('repair')

/** An element as shown. */
export interface Slot {
  /** What the Y.Array has for it. */
  value: unknown
  /** The index in the Y.Array of the place where it is shown. */
  at: number
  /** The index in the Y.Array of the element itself. */
  home: number
  /** The indices in the Y.Array of all its markers. */
  markers: number[]
  /** The highest `n` of its markers. */
  n: number
}

/** A marker, or an alias if it has `to`. */
interface Marker {
  [movedKey]: string
  n?: number
  to?: string
}

/**
 * The elements of a list in the order in which they are shown; undefined if none was ever moved: then all are at home.
 *
 * @param known remembers from call to call which element a marker names. It must be a new one after an undo, which
 *   brings elements back under new ids.
 */
export function slotsOf(type: Y.Array<any>, known = new WeakMap<object, unknown>()): Slot[] | undefined {
  const raw: unknown[] = type.toArray()
  if (!raw.some(isMarker)) return
  const find = finder(type, raw)
  const places = new Map(raw.map((value, index) => [value, index]))
  const homeOf = (marker: Marker, id: string) => {
    const place = known.has(marker) ? places.get(known.get(marker)) : undefined
    if (place !== undefined) return place
    const home = find(id)
    // A plain value as 5 may be there several times, an object only once.
    if (home !== undefined && Object(raw[home]) === raw[home]) known.set(marker, raw[home])
    return home
  }
  const moved = new Map<number, Slot>()
  raw.forEach((value, index) => {
    if (!isMarker(value) || value.to) return
    const home = homeOf(value, value[movedKey])
    if (home === undefined) return
    const slot = moved.get(home) ?? atHome(raw[home], home)
    moved.set(home, slot)
    slot.markers.push(index)
    const n = rank(value)
    if (n < slot.n) return
    slot.at = index
    slot.n = n
  })
  const shown = new Map([...moved.values()].map((slot) => [slot.at, slot]))
  const slots: Slot[] = []
  raw.forEach((value, index) => {
    if (!isMarker(value)) {
      if (!moved.has(index)) slots.push(atHome(value, index))
    } else if (value.to) moved.get(homeOf(value, value.to) ?? -1)?.markers.push(index)
    else if (shown.has(index)) slots.push(shown.get(index) as Slot)
  })
  return slots
}

/** The slot of an element that was not moved. */
export function atHome(value: unknown, index: number): Slot {
  return { value, at: index, home: index, markers: [], n: 0 }
}

/** Moves an element, so that it is shown before what is at index `before` of the Y.Array. Call it in a transaction. */
export function move(type: Y.Array<any>, slot: Slot, before: number): void {
  replace(type, slot.markers, before, [{ [movedKey]: idAt(type, slot.home), n: slot.n + 1 }])
}

/** Inserts one element into a Y.Array, and deletes those that were at some indices. Call it in a transaction. */
export function replace(type: Y.Array<any>, indices: number[], at: number, element: unknown[]): void {
  type.insert(at, element)
  remove(
    type,
    indices.map((index) => (index < at ? index : index + 1)),
  )
}

/** Deletes the elements at some indices of a Y.Array. Call it in a transaction. */
export function remove(type: Y.Array<any>, indices: number[]): void {
  // From the end, so that what is deleted does not shift what is to be.
  for (const index of indices.sort((a, b) => b - a)) type.delete(index)
}

/** After an undo or redo on this client: says what elements that were brought back are called now. */
export function repair(type: Y.Array<any>): void {
  const raw: unknown[] = type.toArray()
  if (!raw.some(isMarker)) return
  const now = finder(type, raw)
  const followed = finder(type, raw, true)
  const aliases = new Map<string, string>()
  for (const value of raw) {
    if (!isMarker(value) || value.to || now(value[movedKey]) !== undefined) continue
    const home = followed(value[movedKey])
    if (home !== undefined) aliases.set(value[movedKey], idAt(type, home))
  }
  if (!aliases.size) return
  const old = raw.flatMap((value, index) =>
    isMarker(value) && value.to && aliases.has(value[movedKey]) ? index : [],
  )
  type.doc?.transact(() => {
    remove(type, old)
    type.push([...aliases].map(([id, to]) => ({ [movedKey]: id, to })))
  }, repairOrigin)
}

/**
 * Finds elements of a list by id: gives the index of an element, by its id or by what is called so now; undefined if it is
 * not there.
 */
function finder(
  type: Y.Array<any>,
  raw: unknown[],
  followUndone = false,
): (id: string) => number | undefined {
  const aliases = new Map<string, string>()
  for (const value of raw) if (isMarker(value) && value.to) aliases.set(value[movedKey], value.to)

  const indexOf = (id: string) => {
    const [client, clock] = id.split(':').map(Number)
    if (![client, clock].every(Number.isSafeInteger)) return
    const at = (assoc: number) =>
      Y.createAbsolutePositionFromRelativePosition(
        Y.createRelativePositionFromJSON({ item: { client, clock }, assoc }),
        type.doc as Y.Doc,
        followUndone,
      )
    // A deleted element has one position; one that is there has one before and one after it.
    const before = at(0)
    return before?.type === type && at(-1)?.index === before.index + 1 ? before.index : undefined
  }

  return (id) => {
    // Aliases that lead in a circle, which only a faulty client writes, end with the steps.
    let name: string | undefined = id
    for (let steps = 0; name && steps <= aliases.size; steps++) {
      const index = indexOf(name)
      if (index !== undefined) return isMarker(raw[index]) ? undefined : index
      name = aliases.get(name)
    }
  }
}

function isMarker(value: any): value is Marker {
  return typeof value?.[movedKey] === 'string'
}

/** The `n` of a marker. One without, or with a bad one, which only a faulty client writes, counts least. */
function rank({ n }: Marker): number {
  return typeof n === 'number' && n > 0 ? n : 0
}

function idAt(type: Y.Array<any>, index: number): string {
  const { client, clock } = Y.createRelativePositionFromTypeIndex(type, index).item as Y.ID
  return `${client}:${clock}`
}
