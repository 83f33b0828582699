import * as Y from 'yjs'
import { SymphonyError } from './errors.js'

/**
 * Yjs compares types with instanceof, so a document made by one copy of it is a stranger to another. A bundle with two
 * copies fails later, in ways that point elsewhere; so a document given by the application is checked here.
 *
 * @throws SymphonyError `duplicate-yjs`
 */
export function mustBeOurYjs(call: string, value: object): void {
  if (value instanceof Y.AbstractType || value instanceof Y.Doc) return
  throw new SymphonyError(
    'duplicate-yjs',
    `${call}: this was made by another copy of Yjs than the one of @symphony-rtc/client. ` +
      'Let "npm ls yjs" show one version only, and the bundler use one (resolve.dedupe: ["yjs"] in Vite)',
  )
}
