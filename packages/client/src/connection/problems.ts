import { fail, SymphonyError } from '../errors.js'
import { maxJSON } from './wire.js'

// What can go wrong with a connection, and what to do about it.

export const whyOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const enterAgain = ', then enter the room again'
const checkOrigin = 'that it allows the origin of this page'

export function unreachable(url: string, cause: unknown): SymphonyError {
  return new SymphonyError(
    'unreachable',
    `${url} cannot be reached (${whyOf(cause)}); trying again. Check the URL, that the server runs, and ${checkOrigin}`,
    { cause },
  )
}

/** An application's token function failed. */
export function tokenFailed(cause: unknown): SymphonyError {
  return new SymphonyError('unreachable', `the token function failed (${whyOf(cause)}); trying again`, {
    cause,
  })
}

/** A server sent what is no message. */
export function misunderstood(url: string, cause: unknown, final: boolean): SymphonyError {
  return new SymphonyError(
    'protocol',
    `${url} does not speak a known protocol (${whyOf(cause)}); ${final ? 'check the URL' : 'trying again'}`,
    { cause },
  )
}

/** A server closed with a code that is final. */
export function refused(url: string, code: number, reason: string): SymphonyError {
  const [error, advice] =
    code === 4403
      ? (['forbidden', `check the token, and ${checkOrigin}`] as const)
      : code === 4413
        ? (['too-large', "undo or split it, or raise the server's limits"] as const)
        : (['protocol', 'use the same version of client and server'] as const)
  return new SymphonyError(error, `${url}: ${reason} (close code ${code}); ${advice}${enterAgain}`)
}

export function mayOnlyRead(url: string): SymphonyError {
  return new SymphonyError(
    'forbidden',
    `${url} is readOnly: changes stay here; get a token that allows writing${enterAgain}`,
  )
}

/** A change is over the server's limit. */
export function changeTooLarge(size: number, limit: number): SymphonyError {
  return new SymphonyError(
    'too-large',
    `a change of ${size} bytes is over the limit of ${limit}; undo or split it, or raise the server's limits${enterAgain}`,
  )
}

/** An event or presence is over what all servers take. */
export function tooMuch(what: string, size: number): SymphonyError {
  return new SymphonyError(
    'too-large',
    `${what} of ${size} bytes is over the limit of ${maxJSON}; store large content in the document`,
  )
}

/** What an application gave to a call, as JSON. */
export function mustBeJSON(call: string, value: unknown): string {
  let json: string | undefined
  let cause: unknown
  try {
    json = JSON.stringify(value)
  } catch (error) {
    cause = error
  }
  return (
    json ??
    fail(
      'unsupported-value',
      `room.${call} takes what JSON can say: ${cause ? whyOf(cause) : `not ${typeof value}`}`,
      cause,
    )
  )
}
