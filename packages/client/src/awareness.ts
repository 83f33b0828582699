import { Observable } from 'lib0/observable'
import type * as Y from 'yjs'
import { outdated } from './connection/times.js'
import { type ClientState, decodeStates, message } from './connection/wire.js'

/** Who is in a room and what they do: the interface of the Awareness of y-protocols, which editor bindings use. */
export class Awareness extends Observable<string> {
  readonly doc: Y.Doc
  /** The id of this client. */
  clientID: number
  /** What each client that is there does, by its id. */
  states = new Map<number, Record<string, any>>()
  /** Of each client that was ever heard of: how new what is known of it is, and when that came. */
  meta = new Map<number, { clock: number; lastUpdated: number }>()
  /** @internal */
  _checkInterval: unknown

  constructor(doc: Y.Doc) {
    super()
    this.doc = doc
    this.clientID = doc.clientID
    this._checkInterval = setInterval(() => this.#check(), outdated / 10)
    doc.on('destroy', () => this.destroy())
    this.setLocalState({})
  }

  /** Says that this client is gone, and ends listening. */
  override destroy(): void {
    clearInterval(this._checkInterval as undefined)
    this.emit('destroy', [this])
    this.setLocalState(null)
    super.destroy()
  }

  /** What this client does; null if it is not there. */
  getLocalState(): Record<string, any> | null {
    return this.states.get(this.clientID) ?? null
  }

  /** Says what this client does: anything that JSON can say; null if it is not there. */
  setLocalState(state: Record<string, any> | null): void {
    const { clock = 0 } = this.meta.get(this.clientID) ?? {}
    this.#take([[this.clientID, clock + 1, state]], 'local')
  }

  /** @internal Says again that this client is here, at a new clock, if it is. */
  renew(): void {
    const state = this.getLocalState()
    if (state) this.setLocalState(state)
  }

  /** Changes one property of what this client does, if it is there. */
  setLocalStateField(field: string, value: unknown): void {
    const state = this.getLocalState()
    if (state) this.setLocalState({ ...state, [field]: value })
  }

  /** What each client that is there does, by its id. */
  getStates(): Map<number, Record<string, any>> {
    return this.states
  }

  /** @internal Takes what others say; throws if that is malformed. */
  apply(update: Uint8Array, origin: unknown): void {
    this.#take(decodeStates(update), origin)
  }

  /** @internal What this client does, for others to take. */
  encode(state: unknown = this.getLocalState()): Uint8Array {
    const { clientID } = this
    return message(1, clientID, this.meta.get(clientID)?.clock as number, JSON.stringify(state))
  }

  /** @internal Nobody else is known to be there any more. */
  forgetOthers(origin: unknown): void {
    const ids = [...this.meta.keys()].filter((id) => id !== this.clientID)
    this.#remove(ids, origin)
    // With their clocks: they would be ignored when they are there again at the same clock.
    for (const id of ids) this.meta.delete(id)
  }

  #remove(ids: number[], origin: unknown): void {
    this.#take(
      ids.map((id) => [id, this.meta.get(id)?.clock as number, null]),
      origin,
    )
  }

  /** Takes what is newer than what is known, and tells of it: `change` of what is different, `update` of all. */
  #take(said: ClientState[], origin: unknown): void {
    const { states, meta, clientID } = this
    const added: number[] = []
    const updated: number[] = []
    const changed: number[] = []
    const removed: number[] = []
    for (let [id, clock, state] of said) {
      const known = meta.get(id)?.clock ?? 0
      const before = states.get(id)
      // That somebody is gone may be said at the clock of what it said last.
      if (clock < known || (clock === known && (state || !before))) continue
      if (!state && id === clientID && origin !== 'local' && before) {
        // Others believe this client gone. It is not, and says so at a newer clock.
        state = before
        clock++
      }
      meta.set(id, { clock, lastUpdated: Date.now() })
      if (state) {
        states.set(id, state)
        if (!before) added.push(id)
        else if (updated.push(id) && JSON.stringify(before) !== JSON.stringify(state)) changed.push(id)
      } else if (states.delete(id)) removed.push(id)
    }
    const tell = (event: string, updated: number[]) => {
      if (added.length + updated.length + removed.length)
        this.emit(event, [{ added, updated, removed }, origin])
    }
    tell('change', changed)
    tell('update', updated)
  }

  /** Renews the own state in time, and removes clients that did not. */
  #check(): void {
    const age = (id: number) => Date.now() - (this.meta.get(id)?.lastUpdated as number)
    if (age(this.clientID) >= outdated / 2) this.renew()
    this.#remove(
      [...this.states.keys()].filter((id) => age(id) >= outdated),
      'timeout',
    )
  }
}
