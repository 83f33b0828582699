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
 * No lone surrogates: a client keeps the half it inserted and joins it with a neighbouring half, while others have
 * U+FFFD, because UTF-8 cannot carry it. yjs clients do not agree there.
 */
const note = (feature) => feature !== 'lone surrogate'

export class Writer {
  constructor(client, seed) {
    this.doc = client.doc
    this.r = new Random(seed, client.doc.clientID)
  }

  write(edits) {
    for (let i = 0; i < edits; i++) edit(this.r, this.doc, names, note)
  }
}
