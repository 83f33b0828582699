import { twoCopies } from './errors.js'
import { Y } from './yjs.js'

const loaded = Symbol.for('symphony.yjs')

/**
 * Yjs tells its types apart with instanceof, so that documents of one copy of it are strangers to another. Two copies in a page fail
 * later, in ways that point elsewhere. So the second copy of this package that comes with a Yjs of its own says so at once.
 *
 * @throws SymphonyError `duplicate-yjs`
 */
export function mustBeTheOnlyYjs(): void {
  const known = globalThis as { [loaded]?: unknown }
  known[loaded] ??= Y.Doc
  if (known[loaded] !== Y.Doc) twoCopies('new SymphonyClient')
}
