// A world of a case: a few yjs documents that edit concurrently and hear of each other late, twice, in pieces or never.

import * as Y from 'yjs'
import { edit, roots } from './edits.mjs'

const maxClient = 2 ** 53 - 1

/** Client ids: random, or close together (ties in YATA are decided by them), or beyond 32 bits, as yjs 14 makes them. */
const clientIDs = (r, n, note) => {
  const kind = r.weighted({ random: 5, small: 3, adjacent: 2, wide: 2, mixed: 1 })
  const first = r.uint32() >>> 1
  const ids = new Set()
  while (ids.size < n) {
    switch (kind) {
      case 'random':
        ids.add(r.uint32())
        break
      case 'small':
        ids.add(r.below(Math.max(8, 2 * n)))
        break
      case 'adjacent':
        ids.add(first + r.below(n + 2))
        break
      default:
        note('wide client id')
        ids.add(
          kind === 'mixed' && r.oneIn(2)
            ? r.below(300)
            : r.oneIn(4)
              ? maxClient - r.below(5)
              : r.uint32() * 2 ** 21 + r.below(2 ** 21),
        )
    }
  }
  return r.shuffle([...ids])
}

export class World {
  constructor(r, note, members) {
    this.r = r
    this.note = note
    this.names = r.shuffle(roots.slice()).slice(0, r.between(1, 4))
    this.docs = []
    this.pool = [] // every update event of every document: { v1, v2 }
    for (const id of clientIDs(r, members, note)) this.addDoc(id)
  }

  addDoc(id) {
    const gc = !this.r.oneIn(4)
    if (!gc) this.note('gc off')
    const doc = new Y.Doc({ gc, guid: 'main' })
    doc.clientID = id
    const member = { doc, undo: null }
    let v1 = null
    doc.on('update', (update) => {
      v1 = update
    })
    doc.on('updateV2', (v2) => this.pool.push({ v1, v2 }))
    if (this.r.oneIn(5)) {
      const types = this.names.map(([name, type]) => doc.get(name, type))
      member.undo = new Y.UndoManager(types, { captureTimeout: this.r.oneIn(2) ? 0 : 1e12 })
    }
    this.docs.push(member)
  }

  run(steps) {
    for (let i = 0; i < steps; i++) {
      const member = this.r.pick(this.docs)
      switch (
        this.r.weighted({
          edit: 10,
          several: 4,
          undo: member.undo ? 3 : 0,
          sync: this.docs.length > 1 ? 6 : 0,
        })
      ) {
        case 'edit':
          edit(this.r, member.doc, this.names, this.note)
          break
        case 'several':
          member.doc.transact(() => {
            for (let n = this.r.between(2, 6); n > 0; n--) edit(this.r, member.doc, this.names, this.note)
          })
          break
        case 'undo':
          this.note('undo')
          if (this.r.oneIn(3)) member.undo.redo()
          else member.undo.undo()
          if (this.r.oneIn(4)) member.undo.stopCapturing()
          break
        case 'sync':
          if (this.pool.length > 0) apply(member.doc, this.delivery())
      }
    }
  }

  /** Many small edits in few places: long sequences, large maps, and crowds of items that all were inserted there. */
  grow(edits) {
    const r = this.r
    for (let i = 0; i < edits; i++) {
      const { doc } = r.pick(this.docs)
      const text = doc.getText('text')
      const map = doc.getMap('map')
      switch (r.weighted({ start: 4, anywhere: 8, remove: 3, set: 3, sync: r.oneIn(30) ? 20 : 0 })) {
        case 'start':
          text.insert(Math.min(text.length, r.below(3)), 'x')
          break
        case 'anywhere':
          text.insert(r.below(text.length + 1), r.oneIn(5) ? '😀' : 'ab')
          break
        case 'remove':
          if (text.length > 0) text.delete(r.below(text.length), 1)
          break
        case 'set':
          map.set(`key ${r.below(60)}`, i)
          break
        case 'sync':
          if (this.pool.length > 0) apply(doc, this.delivery())
      }
    }
  }

  /** Some update about the world: an event, several merged, a state, or a part of one. { version, bytes } */
  delivery() {
    const r = this.r
    const version = r.oneIn(2) ? 2 : 1
    switch (r.weighted({ event: 8, merged: 3, state: 3, part: 2, converted: 1 })) {
      case 'event':
        return this.event(r.below(this.pool.length), version)
      case 'merged': {
        this.note('merged')
        const updates = []
        for (let n = r.between(2, 6); n > 0; n--)
          updates.push(this.event(r.below(this.pool.length), version).bytes)
        return { version, bytes: version === 1 ? Y.mergeUpdates(updates) : Y.mergeUpdatesV2(updates) }
      }
      case 'state': {
        const from = r.pick(this.docs).doc
        return {
          version,
          bytes: encodeState(
            version,
            from,
            r.oneIn(2) ? Y.encodeStateVector(r.pick(this.docs).doc) : undefined,
          ),
        }
      }
      case 'part': {
        this.note('partial')
        const from = r.pick(this.docs).doc
        return { version, bytes: encodeState(version, from, this.stateVector()) }
      }
      default: {
        this.note('converted')
        const { v1, v2 } = r.pick(this.pool)
        return version === 1
          ? { version, bytes: Y.convertUpdateFormatV2ToV1(v2) }
          : { version, bytes: Y.convertUpdateFormatV1ToV2(v1) }
      }
    }
  }

  event(i, version) {
    const { v1, v2 } = this.pool[i]
    return { version, bytes: version === 1 ? v1 : v2 }
  }

  /** A state vector with random clocks: behind, inside of an item, ahead, or of a client nobody knows. */
  stateVector() {
    const state = new Map()
    for (const { doc } of this.docs) {
      doc.store.clients.forEach((_, client) => {
        if (!this.r.oneIn(4)) state.set(client, this.r.below(Y.getState(doc.store, client) + 2))
      })
    }
    if (this.r.oneIn(6)) state.set(this.r.uint32(), this.r.below(10))
    return encodeStateVector(state)
  }

  /** What a replica is going to receive: all events or most, in some order, some twice, some merged; then perhaps everything. */
  schedule() {
    const r = this.r
    let order = this.pool.map((_, i) => i)
    const disorder = r.weighted({ none: 3, neighbours: 3, all: 3 })
    if (disorder === 'all') r.shuffle(order)
    if (disorder === 'neighbours') {
      for (let i = 1; i < order.length; i++)
        if (r.oneIn(3)) [order[i - 1], order[i]] = [order[i], order[i - 1]]
    }
    if (disorder !== 'none') this.note('shuffled')
    if (r.oneIn(2)) order = order.filter(() => !r.oneIn(8))

    const deliveries = []
    const most = r.between(4, 14)
    while (order.length > 0) {
      const chunk = order.splice(
        0,
        Math.max(1, Math.min(order.length, r.below(1 + Math.ceil(2 * (this.pool.length / most))))),
      )
      const version = r.oneIn(2) ? 2 : 1
      const updates = chunk.map((i) => this.event(i, version).bytes)
      deliveries.push({ version, bytes: version === 1 ? Y.mergeUpdates(updates) : Y.mergeUpdatesV2(updates) })
      if (r.oneIn(8)) {
        this.note('duplicated')
        deliveries.push(r.pick(deliveries))
      }
      if (r.oneIn(6)) deliveries.push(this.delivery())
    }
    if (r.oneIn(2)) deliveries.push({ version: 1, bytes: Y.encodeStateAsUpdate(r.pick(this.docs).doc) })
    return deliveries
  }
}

export const apply = (doc, { version, bytes }) =>
  version === 1 ? Y.applyUpdate(doc, bytes) : Y.applyUpdateV2(doc, bytes)

export const encodeState = (version, doc, sv) =>
  version === 1 ? Y.encodeStateAsUpdate(doc, sv) : Y.encodeStateAsUpdateV2(doc, sv)

/** yjs exports the encoding of a document's state vector only; the format is V1 (ENGINE: count, then client and clock). */
const encodeStateVector = (state) => {
  const out = []
  const varUint = (n) => {
    while (n > 127) {
      out.push(128 | (n % 128))
      n = Math.floor(n / 128)
    }
    out.push(n)
  }
  varUint(state.size)
  for (const [client, clock] of [...state].sort((a, b) => b[0] - a[0])) {
    varUint(client)
    varUint(clock)
  }
  return Uint8Array.from(out)
}
