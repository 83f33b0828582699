// biome-ignore-all lint/suspicious/noExplicitAny: what a shared type holds is not known here, as in Yjs
import * as Y from 'yjs'

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
 * lets the markers name it; see `repair`. Without that, as with a plain UndoManager, the element is shown at home.
 */

/** The key that tells a marker from other elements of a list. */
export const movedKey = 'symphony:moved'

/** The origin of transactions that repair markers; no history tracks them. */
export const repairOrigin = Symbol('symphony repair')

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
}

interface Marker {
  [movedKey]: string
  n: number
}

/** The elements of a list in the order in which they are shown; undefined if none was ever moved: then all are at home. */
export function slotsOf(type: Y.Array<any>): Slot[] | undefined {
  const raw: unknown[] = type.toArray()
  const moved = new Map<number, Slot>()
  let found = false
  raw.forEach((value, index) => {
    if (!isMarker(value)) return
    found = true
    const home = find(type, value[movedKey], false)
    if (home === undefined || isMarker(raw[home])) return
    const slot = moved.get(home) ?? { value: raw[home], at: index, home, markers: [] }
    moved.set(home, slot)
    if (value.n >= (raw[slot.at] as Marker).n) slot.at = index
    slot.markers.push(index)
  })
  if (!found) return
  const shown = new Map([...moved.values()].map((slot) => [slot.at, slot]))
  const slots: Slot[] = []
  raw.forEach((value, index) => {
    if (isMarker(value)) {
      const slot = shown.get(index)
      if (slot) slots.push(slot)
    } else if (!moved.has(index)) slots.push({ value, at: index, home: index, markers: [] })
  })
  return slots
}

/** The slots of a list where nothing was moved. */
export function unmoved(type: Y.Array<any>): Slot[] {
  return type.toArray().map((value, index) => ({ value, at: index, home: index, markers: [] }))
}

/** Moves an element, so that it is shown before what is at index `before` of the Y.Array. Call it in a transaction. */
export function move(type: Y.Array<any>, slot: Slot, before: number): void {
  const id = Y.createRelativePositionFromTypeIndex(type, slot.home).item as Y.ID
  const n = 1 + Math.max(0, ...slot.markers.map((index) => type.get(index).n))
  type.insert(before, [{ [movedKey]: `${id.client}:${id.clock}`, n }])
  remove(
    type,
    slot.markers.map((index) => (index < before ? index : index + 1)),
  )
}

/** Deletes the elements at some indices of a Y.Array. Call it in a transaction. */
export function remove(type: Y.Array<any>, indices: number[]): void {
  const sorted = indices.sort((a, b) => b - a)
  for (let i = 0; i < sorted.length; ) {
    let run = 1
    while (sorted[i + run] === (sorted[i] as number) - run) run++
    type.delete((sorted[i] as number) - run + 1, run)
    i += run
  }
}

/** After an undo or redo on this client: lets markers name what their elements are called now. */
export function repair(type: Y.Array<any>): void {
  const doc = type.doc as Y.Doc
  type.toArray().forEach((value, index) => {
    if (!isMarker(value) || find(type, value[movedKey], false) !== undefined) return
    const home = find(type, value[movedKey], true)
    if (home === undefined) return
    const id = Y.createRelativePositionFromTypeIndex(type, home).item as Y.ID
    doc.transact(() => {
      type.delete(index, 1)
      type.insert(index, [{ [movedKey]: `${id.client}:${id.clock}`, n: value.n }])
    }, repairOrigin)
  })
}

function isMarker(value: any): value is Marker {
  return typeof value === 'object' && value !== null && typeof value[movedKey] === 'string'
}

/** The index of an element by its id, if it is there. */
function find(type: Y.Array<any>, id: string, followUndone: boolean): number | undefined {
  const [client, clock] = id.split(':').map(Number)
  if (!Number.isSafeInteger(client) || !Number.isSafeInteger(clock)) return
  const at = (assoc: number) =>
    Y.createAbsolutePositionFromRelativePosition(
      Y.createRelativePositionFromJSON({ item: { client, clock }, assoc }),
      type.doc as Y.Doc,
      followUndone,
    )
  // What lies left of a deleted element is where it was; of an element that is there, one before it.
  const left = at(0)
  if (left?.type === type && at(-1)?.index === left.index + 1) return left.index
}
