import { SymphonyError } from '../errors.js'
import { maxJSON } from './wire.js'

// What can go wrong with a connection, and what to do about it.

export const whyOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

export function unreachable(url: string, why: string, cause?: unknown): SymphonyError {
  return new SymphonyError(
    'unreachable',
    `${url} cannot be reached (${why}); trying again. Check the URL, that the server runs ("symphony dev"), ` +
      'and that it allows the origin of this page',
    { cause },
  )
}

/** An application's token function failed. */
export function tokenFailed(cause: unknown): SymphonyError {
  return new SymphonyError(
    'unreachable',
    `the token function failed (${whyOf(cause)}); it is called again on the next attempt`,
    { cause },
  )
}

/** A server sent what is no message. */
export function misunderstood(url: string, cause: unknown, final: boolean): SymphonyError {
  return new SymphonyError(
    'protocol',
    `${url} sent what is no message of Symphony or y-websocket (${whyOf(cause)}); ` +
      (final ? 'check the URL' : 'connecting again'),
    { cause },
  )
}

/** A server closed with a code that is final. */
export function refused(url: string, code: number, reason: string): SymphonyError {
  const [error, advice] =
    code === 4403
      ? (['forbidden', 'check the token, and that the server allows the origin of this page'] as const)
      : code === 4413
        ? (['too-large', 'undo or split what was added last, or raise the limits of the server'] as const)
        : (['protocol', 'use the same version of client and server'] as const)
  return new SymphonyError(
    error,
    `${url}: ${reason} (close code ${code}); ${advice}, then enter the room again`,
  )
}

export function mayOnlyRead(url: string): SymphonyError {
  return new SymphonyError(
    'forbidden',
    `${url} may only be read by this client: its changes stay here. Get a token that allows writing, then ` +
      'enter the room again; look at readOnly before you let people edit',
  )
}

/** A change is over the server's limit. */
export function changeTooLarge(size: number, limit: number): SymphonyError {
  return new SymphonyError(
    'too-large',
    `a change of ${size} bytes was not sent, more than the ${limit} of the server's limits.message; ` +
      'undo or split it, or raise the limit, then enter the room again',
  )
}

/** An event or presence is over what all servers take. */
export function tooMuch(what: string, size: number): SymphonyError {
  return new SymphonyError(
    'too-large',
    `${what} of ${size} bytes was not sent, more than ${maxJSON}; put large content into the document`,
  )
}

/** An event as JSON. */
export function mustBeJSON(event: unknown): string {
  let json: string | undefined
  let cause: unknown
  try {
    json = JSON.stringify(event)
  } catch (error) {
    cause = error
  }
  if (json !== undefined) return json
  throw new SymphonyError(
    'unsupported-value',
    `broadcast takes what JSON can say${cause ? `: ${whyOf(cause)}` : `, not ${typeof event}`}`,
    { cause },
  )
}
