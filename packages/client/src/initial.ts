import * as Y from 'yjs'
import type { Content } from './content.js'
import type { invalid } from './errors.js'
import type { nest } from './synced/synced.js'
import type { wrap } from './synced/wrap.js'

/** Fills a room that nothing was ever written to. */
export type Initial = (room: Content) => void

/** What building uses of the rest of the client. It imports nothing of it, so that it is one bundle, loaded when it is needed. */
interface Shared {
  Content: typeof Content
  invalid: typeof invalid
  nest: typeof nest
  wrap: typeof wrap
}

/**
 * Builds the initial content of a room, as an update.
 *
 * The same content is always the same bytes, with the same ids: the client id that wrote it, so to speak, is a hash of it. So
 * content that several clients build alike can be applied as often as one likes and is there once.
 */
export function buildInitial(initial: Initial, { Content, invalid, nest, wrap }: Shared): Uint8Array {
  const draft = new Y.Doc()
  draft.clientID = 1
  const returned: unknown = initial(new Content(draft))
  if (typeof (returned as PromiseLike<unknown>)?.then === 'function')
    invalid('initial must not be async: what it adds later would be lost')
  const doc = new Y.Doc()
  doc.clientID = hash(Y.encodeStateAsUpdate(draft))
  doc.transact(() => {
    for (const [name, from] of draft.share as Map<string, any>) {
      const to: any = doc.get(name, from.constructor)
      const synced = wrap(from)
      if (synced) nest(synced, to)
      else if (from instanceof Y.XmlText) to.applyDelta(from.toDelta())
      else
        to.insert(
          0,
          from.toArray().map((node: Y.XmlElement) => node.clone()),
        )
    }
  })
  return Y.encodeStateAsUpdate(doc)
}

/** FNV-1a of 32 bits, as many as the ids of Yjs have. */
function hash(bytes: Uint8Array): number {
  let sum = 2_166_136_261
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 16_777_619)
  return sum >>> 0
}
