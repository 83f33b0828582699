import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

// The messages of docs/protocol.md, sections 3 to 6.

/** The WebSocket subprotocol of Symphony's own clients. */
export const subprotocol = 'symphony.v1'

/** Most bytes of JSON in an event or a presence state. */
export const maxJSON = 1 << 20

const sync = 0
const awareness = 1
const auth = 2
const query = 3
const hello = 100
const durable = 101
const event = 102
const token = 103

const steps = ['step1', 'step2', 'update'] as const

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
  const d = decoding.createDecoder(bytes)
  const kind = decoding.readVarUint(d)
  if (kind === sync) {
    const type = steps[decoding.readVarUint(d)]
    if (!type) throw new Error('an unknown sync step')
    const body = decoding.readVarUint8Array(d)
    if (type === 'step1') Y.decodeStateVector(body)
    else Y.decodeUpdate(body)
    return { type, body }
  }
  if (kind === awareness) {
    const body = decoding.readVarUint8Array(d)
    decodeStates(body)
    return { type: 'awareness', body }
  }
  if (kind === auth) {
    const denied = decoding.readVarUint(d) === 0
    return denied ? { type: 'denied', reason: decoding.readVarString(d) } : { type: 'unknown' }
  }
  if (kind === query) return { type: 'query' }
  if (kind === hello) {
    decoding.readVarString(d) // the connection's id, for logs
    const generation = decoding.readVarUint(d)
    const readOnly = decoding.readUint8(d) === 0
    return { type: 'hello', generation, readOnly, maxMessage: decoding.readVarUint(d) }
  }
  if (kind === durable) return { type: 'durable', count: decoding.readVarUint(d) }
  if (kind === event) {
    const clientId = decoding.readVarUint(d)
    return { type: 'event', clientId, event: JSON.parse(decoding.readVarString(d)) }
  }
  if (kind === token) return { type: 'token' }
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
  const d = decoding.createDecoder(update)
  const states: ClientState[] = []
  for (let left = decoding.readVarUint(d); left > 0; left--)
    states.push([decoding.readVarUint(d), decoding.readVarUint(d), JSON.parse(decoding.readVarString(d))])
  return states
}

/** The body of an awareness message about one client. */
export const encodeState = ([clientId, clock, state]: ClientState): Uint8Array =>
  message(1, clientId, clock, JSON.stringify(state))

function message(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return encoding.encode((e) => {
    for (const part of parts) {
      if (typeof part === 'number') encoding.writeVarUint(e, part)
      else if (typeof part === 'string') encoding.writeVarString(e, part)
      else encoding.writeVarUint8Array(e, part)
    }
  })
}

export const syncMessage = (type: (typeof steps)[number], body: Uint8Array): Uint8Array =>
  message(sync, steps.indexOf(type), body)
export const awarenessMessage = (update: Uint8Array): Uint8Array => message(awareness, update)
export const queryMessage = (): Uint8Array => message(query)
export const eventMessage = (clientId: number, json: string): Uint8Array => message(event, clientId, json)
export const tokenMessage = (text: string): Uint8Array => message(token, text)

/**
 * Whether a document says anything that a server does not have.
 *
 * @param vector what the server has
 * @param answer the server's step 2, already applied: with it the document deletes all that the server deletes, or more
 */
export function isAhead(doc: Y.Doc, vector: Uint8Array, answer: Uint8Array): boolean {
  const own = Y.decodeUpdate(Y.encodeStateAsUpdate(doc, vector))
  return own.structs.length > 0 || deletions(own.ds) > deletions(Y.decodeUpdate(answer).ds)
}

function deletions({ clients }: ReturnType<typeof Y.decodeUpdate>['ds']): number {
  let sum = 0
  for (const ranges of clients.values()) for (const range of ranges) sum += range.len
  return sum
}
