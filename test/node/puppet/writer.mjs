// Random edits of a client: those of the oracle.

import * as Y from 'yjs'
import { edit } from '../oracle/edits.mjs'
import { Random } from '../oracle/random.mjs'

/** Roots that all clients agree on. */
const names = [
  ['text', Y.Text],
  ['array', Y.Array],
  ['map', Y.Map],
  ['xml', Y.XmlFragment],
]

/**
 * No surrogate pairs that a random position could split, and no lone surrogates: real yjs clients do not agree there. One
 * that only looks at the middle of a pair (a format that changes nothing) turns its own copy into two U+FFFD, and
 * one that inserts halves keeps them while others get U+FFFD, because UTF-8 cannot carry them.
 */
const note = (feature) => feature !== 'lone surrogate'

export class Writer {
  constructor(client, seed) {
    this.doc = client.doc
    this.r = new Random(seed, client.doc.clientID)
    this.r.astral = false
  }

  write(edits) {
    for (let i = 0; i < edits; i++) edit(this.r, this.doc, names, note)
  }
}
