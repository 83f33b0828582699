import { createDecoder, type Decoder, readVarString, readVarUint, readVarUint8Array } from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { Y } from '../yjs.js'
import * as n from './numbers.js'
import type { StorageStatus } from './types.js'

// The messages of docs/protocol.md, sections 3 to 6.

/** The WebSocket subprotocol of Symphony's own clients. */
export const subprotocol = 'symphony.v1'

/** The states of a server's storage, in the order of their numbers. */
const storageStates: StorageStatus[] = ['fine', 'delayed', 'refusing']

/** A message from a server: its type, and what it says in the order of its bytes. Types of later versions say nothing. */
export type Incoming =
  | [type: typeof n.sync, step: number, body: Uint8Array]
  | [type: typeof n.awareness, body: Uint8Array]
  | [type: typeof n.auth, denied: string | undefined]
  | [type: typeof n.query | typeof n.token | typeof n.initial]
  | [type: typeof n.hello, connection: string, generation: number, readOnly: boolean, maxMessage: number]
  | [type: typeof n.durable, count: number]
  | [type: typeof n.event, clientId: number, event: unknown]
  | [type: typeof n.storage, state: StorageStatus, reason: string]

/** What reads each part of the body of a message, by its type. A single byte below 128 reads as a varUint. */
const bodies: Record<number, ((d: Decoder) => unknown)[]> = {
  [n.sync]: [readVarUint, readVarUint8Array],
  [n.awareness]: [readVarUint8Array],
  [n.auth]: [(d) => (readVarUint(d) ? undefined : readVarString(d))],
  [n.query]: [],
  [n.hello]: [readVarString, readVarUint, (d) => !readVarUint(d), readVarUint],
  [n.durable]: [readVarUint],
  [n.event]: [readVarUint, readJSON],
  // What a later version may add is not fine, and not refusing.
  [n.storage]: [(d) => storageStates[readVarUint(d)] ?? 'delayed', readVarString],
}

/**
 * Decodes a message and checks all of it, so that it takes effect whole or not at all.
 *
 * @throws Error if it is malformed
 */
export function decode(bytes: Uint8Array): Incoming {
  const d = createDecoder(bytes)
  const type = readVarUint(d)
  // Below 100 there is nothing that a later version may add.
  const body = bodies[type] ?? (type > n.hello && [])
  const message = body && ([type, ...body.map((read) => read(d))] as Incoming)
  if (!message || (message[0] === n.sync && message[1] > n.update)) throw new Error('an unknown message')
  if (message[0] === n.awareness) decodeStates(message[1])
  if (message[0] === n.sync) (message[1] ? Y.decodeUpdate : Y.decodeStateVector)(message[2])
  return message
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
  for (let left = readVarUint(d); left > 0; left--) states.push([readVarUint(d), readVarUint(d), readJSON(d)])
  return states
}

function readJSON(d: Decoder): any {
  return JSON.parse(readVarString(d))
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
