import { createDecoder, readUint8, readVarString, readVarUint, readVarUint8Array } from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { auth, awareness, durable, event, hello, query, sync, token } from './numbers.js'

// The messages of docs/protocol.md, sections 3 to 6.

/** The WebSocket subprotocol of Symphony's own clients. */
export const subprotocol = 'symphony.v1'

const steps = ['step1', 'step2', 'update'] as const // in the order of their numbers

/** A message from a server. */
export type Incoming =
  | { type: 'step1' | 'step2' | 'update' | 'awareness'; body: Uint8Array }
  | { type: 'denied'; reason: string }
  | { type: 'query' | 'token' | 'unknown' }
  | { type: 'hello'; generation: number; readOnly: boolean; maxMessage: number }
  | { type: 'durable'; count: number }
  | { type: 'event'; event: unknown; clientId: number }

/**
 * Decodes a message and checks all of it, so that it takes effect whole or not at all.
 *
 * @throws Error if it is malformed
 */
export function decode(bytes: Uint8Array): Incoming {
  const d = createDecoder(bytes)
  const kind = readVarUint(d)
  switch (kind) {
    case sync: {
      const type = steps[readVarUint(d)]
      if (!type) break
      const body = readVarUint8Array(d)
      if (type === 'step1') Y.decodeStateVector(body)
      else Y.decodeUpdate(body)
      return { type, body }
    }
    case awareness: {
      const body = readVarUint8Array(d)
      decodeStates(body)
      return { type: 'awareness', body }
    }
    case auth:
      if (!readVarUint(d)) return { type: 'denied', reason: readVarString(d) }
      return { type: 'unknown' }
    case query:
      return { type: 'query' }
    case hello:
      readVarString(d) // the connection's id, for logs
      return {
        type: 'hello',
        generation: readVarUint(d),
        readOnly: readUint8(d) === 0,
        maxMessage: readVarUint(d),
      }
    case durable:
      return { type: 'durable', count: readVarUint(d) }
    case event:
      return { type: 'event', clientId: readVarUint(d), event: JSON.parse(readVarString(d)) }
    case token:
      return { type: 'token' }
  }
  // A later version's. Below 100 there is none.
  if (kind > hello) return { type: 'unknown' }
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
