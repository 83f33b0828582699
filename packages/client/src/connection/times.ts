// How patient a connection is. A file of its own, without imports, as numbers.ts.

/** How long an attempt may take until the socket is open, in ms. */
export const connectTimeout = 10_000
/** How long a token, or the first message on an open socket, may take. A server that loads a big room is silent meanwhile. */
export const greetTimeout = 30_000
/** A connection that lived so long, in ms, is taken for stable: the next wait is short again. */
export const stableTime = 10_000
/** So many connections in a row that end with what cannot be understood are enough. */
export const maxGarbage = 3

/** A client of which nothing was heard for so long, in ms, is gone. Each renews its own state after half of that. */
export const outdated = 30_000
