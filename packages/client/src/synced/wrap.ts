import { Y } from '../yjs.js'
import { SyncedList } from './list.js'
import { SyncedMap } from './map.js'
import { type Synced, wrappers } from './synced.js'
import { SyncedText } from './text.js'

/** The Synced type of a map, array or text in a document; always the same one for the same type. */
export function wrap<T = any>(type: Y.Map<any>): SyncedMap<T>
export function wrap<T = any>(type: Y.Array<any>): SyncedList<T>
export function wrap(type: Y.Text): SyncedText
export function wrap(type: Y.AbstractType<any>): Synced<any>
export function wrap(type: Y.AbstractType<any>): Synced | undefined {
  return wrappers.get(type) ?? make(type)
}

/** What an application reads for what Yjs stores: Synced types for Yjs types, plain values as they are. */
export function read(value: unknown): any {
  if (!(value instanceof Y.AbstractType)) return value
  // A type that has no Synced counterpart, as Y.XmlFragment, is read as it is.
  return wrap(value) ?? value
}

/** The plain form of what an application reads. */
export function plain(value: any): any {
  return typeof value?.toJSON === 'function' ? value.toJSON() : value
}

function make(type: Y.AbstractType<any>): Synced | undefined {
  const Kind: any = kindOf(type)
  return Kind && type.doc && new Kind(type)
}

/** The Synced counterpart of a Yjs type, if it has one. A Y.Xml type inherits from one that has, but has none. */
export function kindOf(type: any) {
  const Type = type?.constructor
  return Type === Y.Map ? SyncedMap : Type === Y.Array ? SyncedList : Type === Y.Text ? SyncedText : undefined
}

/** A list that can be nested in another type. It can be filled and read before. */
export function newNestedList<T = any>(): SyncedList<T> {
  return new SyncedList<T>()
}

/** A map that can be nested in another type. It can be filled and read before. */
export function newNestedMap<T = any>(): SyncedMap<T> {
  return new SyncedMap<T>()
}

/** A text that can be nested in another type. It can be filled and read before. */
export function newNestedText(text = ''): SyncedText {
  const synced = new SyncedText()
  if (text) synced.insert(0, text)
  return synced
}
