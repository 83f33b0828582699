import { invalid } from './errors.js'
import { localOrigin, type Synced, SyncedList, SyncedMap, SyncedText, wrap } from './synced/index.js'
import { Y } from './yjs.js'

type Top = Y.Map<any> | Y.Array<any> | Y.Text

/** The content of a document: its top-level lists, maps and texts, by name, and what can be nested in them. */
export class Content {
  /** The Yjs document, for editor bindings and everything else that works with Yjs. Another one after `reset`. */
  readonly doc: Y.Doc
  readonly #tops = new Map<string, Synced>()

  /** @internal */
  constructor(doc: Y.Doc) {
    this.doc = doc
  }

  /** The top-level list of a name: the same content on every client. */
  newList<T = any>(name = ''): SyncedList<T> {
    return this.#top(name, Y.Array, 'newList') as SyncedList<T>
  }

  /** The top-level map of a name: the same content on every client. */
  newMap<T = any>(name = ''): SyncedMap<T> {
    return this.#top(name, Y.Map, 'newMap') as SyncedMap<T>
  }

  /** The top-level text of a name: the same content on every client. */
  newText(name = ''): SyncedText {
    return this.#top(name, Y.Text, 'newText') as SyncedText
  }

  /** A list to be put into another synced type. It can be filled and read before. */
  newNestedList<T = any>(): SyncedList<T> {
    return new SyncedList<T>()
  }

  /** A map to be put into another synced type. It can be filled and read before. */
  newNestedMap<T = any>(): SyncedMap<T> {
    return new SyncedMap<T>()
  }

  /** A text to be put into another synced type. It can be filled and read before. */
  newNestedText(): SyncedText {
    return new SyncedText()
  }

  /** Makes all changes of a function one: one update, one event for each type, one step of undo. */
  bundle<R>(change: () => R): R {
    return this.doc.transact(change, localOrigin)
  }

  /** Throws if the content cannot be used any more. */
  protected mustBeIn(_call: string): void {}

  /** Goes on with another document: the top-level types show what it has. */
  protected replaceDoc(doc: Y.Doc): void {
    ;(this as { doc: Y.Doc }).doc = doc
    for (const [name, synced] of this.#tops) synced.rebind(doc.get(name, synced.type.constructor as any))
  }

  #top(name: string, Type: new () => Top, call: string): Synced {
    this.mustBeIn(call)
    let synced = this.#tops.get(name)
    try {
      if (typeof name === 'string') synced ??= wrap(this.doc.get(name, Type as any))
    } catch {
      // Yjs says that it is of another type with a message that names neither the call nor the name.
    }
    if (synced?.type.constructor !== Type)
      return invalid(`room.${call}(${JSON.stringify(name)}): give a string that names no other type`)
    this.#tops.set(name, synced)
    return synced
  }
}
