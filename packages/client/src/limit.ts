import type * as Y from 'yjs'

/** How many bytes one call may store in a document, as its server says. */
export const limitOf = new WeakMap<Y.Doc, number>()
