import { createDecoder, readUint8, readVarString, readVarUint, readVarUint8Array } from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { Y } from '../yjs.js'
import * as n from './numbers.js'
import type { StorageStatus } from './types.js'

// The messages of docs/protocol.md, sections 3 to 6.

/** The WebSocket subprotocol of Symphony's own clients. */
export const subprotocol = 'symphony.v1'

/** The states of a server's storage, in the order of their numbers. */
const storageStates: StorageStatus[] = ['fine', 'delayed', 'refusing']

/** A message from a server, by its type in numbers.ts. */
export type Incoming =
  | { type: typeof n.sync; step: number; body: Uint8Array }
  | { type: typeof n.awareness; body: Uint8Array }
  | { type: typeof n.denied; reason: string }
  | { type: typeof n.query | typeof n.token | typeof n.initial | typeof n.other }
  | { type: typeof n.hello; generation: number; readOnly: boolean; maxMessage: number }
  | { type: typeof n.durable; count: number }
  | { type: typeof n.event; event: unknown; clientId: number }
  | { type: typeof n.storage; state: StorageStatus; reason: string }

/**
 * Decodes a message and checks all of it, so that it takes effect whole or not at all.
 *
 * @throws Error if it is malformed
 */
export function decode(bytes: Uint8Array): Incoming {
  const d = createDecoder(bytes)
  const type = readVarUint(d)
  switch (type) {
    case n.sync: {
      const step = readVarUint(d)
      const body = readVarUint8Array(d)
      if (step > n.update) break
      if (step === n.step1) Y.decodeStateVector(body)
      else Y.decodeUpdate(body)
      return { type, step, body }
    }
    case n.awareness: {
      const body = readVarUint8Array(d)
      decodeStates(body)
      return { type, body }
    }
    case n.auth:
      if (readVarUint(d)) return { type: n.other }
      return { type: n.denied, reason: readVarString(d) }
    case n.query:
    case n.token:
    case n.initial: // whether it is this client's or another's: it is in the document, or will be
      return { type }
    case n.hello:
      readVarString(d) // the connection's id, for logs
      return { type, generation: readVarUint(d), readOnly: readUint8(d) === 0, maxMessage: readVarUint(d) }
    case n.durable:
      return { type, count: readVarUint(d) }
    case n.event:
      return { type, clientId: readVarUint(d), event: JSON.parse(readVarString(d)) }
    case n.storage:
      // What a later version may add is not fine, and not refusing.
      return { type, state: storageStates[readUint8(d)] ?? 'delayed', reason: readVarString(d) }
  }
  // A later version's. Below 100 there is none.
  if (type > n.hello) return { type: n.other }
  throw new Error('an unknown type of message')
}

/** What a client says of itself, and its clock, which grows with all it says; null if it is gone. */
export type ClientState = [clientId: number, clock: number, state: any]

/**
 * Decodes the body of an awareness message.
 *
 * @throws Error if it is malformed
 */
export function decodeStates(update: Uint8Array): ClientState[] {
  const d = createDecoder(update)
  const states: ClientState[] = []
  for (let left = readVarUint(d); left > 0; left--)
    states.push([readVarUint(d), readVarUint(d), JSON.parse(readVarString(d))])
  return states
}

/** A message, or a part of one, of numbers, strings and byte arrays. */
export function message(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return encoding.encode((e) => {
    for (const part of parts) {
      if (typeof part === 'number') encoding.writeVarUint(e, part)
      else if (typeof part === 'string') encoding.writeVarString(e, part)
      else encoding.writeVarUint8Array(e, part)
    }
  })
}

/**
 * Whether a document says anything that a server does not have.
 *
 * @param vector what the server has
 * @param answer the server's step 2, already applied: with it the document deletes all that the server deletes, or more
 */
export function isAhead(doc: Y.Doc, vector: Uint8Array, answer: Uint8Array): boolean {
  // In the order in which Yjs compares them.
  const deleted = Y.mergeDeleteSets([Y.decodeUpdate(answer).ds])
  const theirs = Y.createSnapshot(deleted, Y.decodeStateVector(vector))
  return !Y.snapshotContainsUpdate(theirs, Y.encodeStateAsUpdate(doc, vector))
}
