import * as Y from 'yjs'
import type { Awareness } from '../awareness.js'
import type { reportError } from '../emitter.js'
import { type History, mergeable } from './store.js'

/** A message between tabs. */
interface Message {
  /** The format of messages; others are ignored. */
  v: 1
  /** Which tab sent it. */
  from: number
  /** Which tab it is for; without, all. */
  to?: number
  /** The history of the sender's document. */
  history: History
  /** Whether the sender stores its changes itself. */
  stored: boolean
  /** Content. */
  update?: Uint8Array
  /** The sender's presence. */
  awareness?: Uint8Array
  /** The sender's state vector, by which it asks for what it lacks. */
  vector?: Uint8Array
}

export interface TabsOptions {
  name: string
  doc: Y.Doc
  awareness: Awareness
  BroadcastChannel: typeof BroadcastChannel
  /** The history of the document. What is still unknown in it is learnt from the first tab whose content is taken. */
  history: History
  reportError: typeof reportError
  /** Origin of what is applied. */
  origin: unknown
  /** Whether the changes of this tab are being stored. */
  isStored: () => boolean
  /** Applies content that another tab sent. */
  receive: (update: Uint8Array, stored: boolean) => void
}

/**
 * Shares document and presence with the other tabs of the room.
 *
 * Only what is new in this tab is sent, never what came from another, so there are no echoes. A tab that begins says
 * its state vector; each other one answers with what the vector lacks and with its own, and gets back what it lacks.
 */
export class Tabs {
  readonly #o: TabsOptions
  readonly #channel: BroadcastChannel
  readonly #id = Math.random()

  constructor(options: TabsOptions) {
    this.#o = options
    this.#channel = new options.BroadcastChannel(options.name)
    this.#channel.onmessage = ({ data }) => this.#receive(data)
    // Node has channels too, and there an open one keeps the process running.
    ;(this.#channel as { unref?: () => void }).unref?.()
    options.awareness.on('update', this.#onAwareness)
    this.hello()
  }

  /** Asks the other tabs for what this one lacks, and tells it what they lack. */
  hello(): void {
    const { doc, awareness } = this.#o
    this.#send({ vector: Y.encodeStateVector(doc), awareness: awareness.encode() })
  }

  /** Sends a change. */
  send(update: Uint8Array): void {
    this.#send({ update })
  }

  /** Tells the other tabs that nobody is here any more. */
  bye(): void {
    this.#send({ awareness: this.#o.awareness.encode(null) })
  }

  close(): void {
    this.#o.awareness.off('update', this.#onAwareness)
    this.bye()
    this.#channel.onmessage = null
    this.#channel.close()
  }

  /** Own presence travels; that of others they tell themselves. */
  #onAwareness = (changes: Record<'added' | 'updated' | 'removed', number[]>): void => {
    const { awareness } = this.#o
    if (Object.values(changes).some((clients) => clients.includes(awareness.clientID)))
      this.#send({ awareness: awareness.encode() })
  }

  #send(content: Partial<Message>): void {
    const { history, isStored } = this.#o
    const message: Message = { v: 1, from: this.#id, history: { ...history }, stored: isStored(), ...content }
    this.#channel.postMessage(message)
  }

  #receive(message: Message): void {
    if (message?.v !== 1 || (message.to ?? this.#id) !== this.#id) return
    const { history, doc, awareness, origin, receive, reportError } = this.#o
    if (!mergeable(history, message.history)) return
    history.era ??= message.history.era
    history.generation ??= message.history.generation
    if (message.update) receive(message.update, message.stored)
    try {
      if (message.awareness) awareness.apply(message.awareness, origin)
      if (message.vector) {
        const update = Y.encodeStateAsUpdate(doc, message.vector)
        // Only a greeting is answered with the own vector: otherwise two tabs would never stop asking each other.
        const hello = message.to === undefined && {
          vector: Y.encodeStateVector(doc),
          awareness: awareness.encode(),
        }
        this.#send({ to: message.from, update, ...hello })
      }
    } catch (error) {
      reportError(error)
    }
  }
}
