import * as Y from 'yjs'

/** A document as a server holds it: it does not clean up formats. */
export const newReplica = (gc) => {
  const doc = new Y.Doc({ gc })
  doc.on('afterTransaction', (transaction) => {
    transaction._needFormattingCleanup = false // yjs looks at it right after this event
  })
  return doc
}
