/**
 * What went wrong, for programs:
 *
 * - `invalid-argument`: a call was given something it cannot take; nothing was changed
 * - `unsupported-value`: a value that cannot be stored in a shared document; nothing was changed
 * - `too-large`: a value or update over the server's limit
 * - `forbidden`: the server does not let this client into the room, or not change it
 * - `deleted`: the room was deleted on the server
 * - `unreachable`: the server cannot be reached; the client keeps trying
 * - `protocol`: what answers at the address does not speak a protocol that this client knows
 * - `closed`: the room was left
 * - `storage`: the browser's or the server's storage fails, as the message says; edits are kept
 * - `duplicate-yjs`: two copies of Yjs were loaded
 * - `internal`: a fault of the server
 */
export type SymphonyErrorCode =
  | 'invalid-argument'
  | 'unsupported-value'
  | 'too-large'
  | 'forbidden'
  | 'deleted'
  | 'unreachable'
  | 'protocol'
  | 'closed'
  | 'storage'
  | 'duplicate-yjs'
  | 'internal'

/** An error of Symphony. Its message names the call or the address, and says what to do. */
export class SymphonyError extends Error {
  override readonly name = 'SymphonyError'
  /** What went wrong, for programs. */
  readonly code: SymphonyErrorCode

  constructor(code: SymphonyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Throws an error of Symphony. */
export function fail(code: SymphonyErrorCode, message: string, cause?: unknown): never {
  throw new SymphonyError(code, message, { cause })
}

/** Throws the error of a call that was given what it cannot take. */
export function invalid(message: string): never {
  fail('invalid-argument', message)
}

/** How many bytes a string takes in UTF-8. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).length

/** What is over a limit, in bytes. */
export function tooLarge(
  what: string,
  size: number,
  limit: number,
  fix = 'split it, or store its URL',
): SymphonyError {
  return new SymphonyError('too-large', `${what}: ${size} bytes are over the limit of ${limit}; ${fix}`)
}

/** Throws the error of two copies of Yjs, which a call met. */
export function twoCopies(call: string): never {
  fail('duplicate-yjs', `${call}: two copies of Yjs are loaded; see "npm ls yjs", alias it in the bundler`)
}
