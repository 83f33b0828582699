import { fail, SymphonyError, type SymphonyErrorCode, tooLarge } from '../errors.js'

// What can go wrong with a connection, and what to do about it.

export const whyOf = (cause: unknown): string => String((cause as Error | undefined)?.message ?? cause)

const enterAgain = ', then enter the room again'
const makeSmaller = 'undo or split it'
const origins = 'and the origins that it allows'

/** What goes wrong for now. */
export function failed(
  code: SymphonyErrorCode,
  what: string,
  cause: unknown,
  next = 'trying again',
): SymphonyError {
  return new SymphonyError(code, `${what} (${whyOf(cause)}); ${next}`, { cause })
}

export function unreachable(url: string, cause: unknown): SymphonyError {
  const next = `trying again; check the URL, the server ${origins}`
  return failed('unreachable', `${url} cannot be reached`, cause, next)
}

/** An application's token function failed. */
export function tokenFailed(cause: unknown): SymphonyError {
  return failed('unreachable', 'the token function failed', cause)
}

/** A server sent what is no message. */
export function misunderstood(url: string, cause: unknown, final: boolean): SymphonyError {
  return failed('protocol', `${url} speaks no known protocol`, cause, final ? 'check the URL' : undefined)
}

/** A server closed with a code that is final. */
export function refused(url: string, code: number, reason: string): SymphonyError {
  const [error, advice] =
    code === 4410
      ? (['deleted', 'what is here stays usable; to begin anew'] as const)
      : code === 4403
        ? (['forbidden', `check the token ${origins}`] as const)
        : code === 4413
          ? (['too-large', makeSmaller] as const)
          : (['protocol', 'use one version of client and server'] as const)
  return new SymphonyError(error, `${url}: ${reason} (close code ${code}); ${advice}${enterAgain}`)
}

export function mayOnlyRead(url: string): SymphonyError {
  return new SymphonyError(
    'forbidden',
    `${url} is readOnly: changes stay here; get another token${enterAgain}`,
  )
}

/** An application's function that builds the initial content failed. */
export function initialFailed(cause: unknown): SymphonyError {
  return failed('invalid-argument', 'initial failed', cause, 'nothing was written')
}

/** The server cannot store. */
export function storageFails(reason: string): SymphonyError {
  return new SymphonyError('storage', `${reason}: changes stay here and are sent again`)
}

/** A change is over the server's limit. */
export function changeTooLarge(size: number, limit: number): SymphonyError {
  return tooLarge('a change', size, limit, makeSmaller + enterAgain)
}

/** What an application gave to a call, as JSON. */
export function mustBeJSON(call: string, value: unknown): string {
  let cause: unknown = `not ${typeof value}`
  try {
    const json = JSON.stringify(value)
    if (json) return json
  } catch (error) {
    cause = error
  }
  return fail('unsupported-value', `room.${call} takes what JSON can say: ${whyOf(cause)}`, cause)
}
