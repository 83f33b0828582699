import * as Y from 'yjs'

/** Documents that exchange updates over a network that drops, doubles and reorders them, as told. */
export class Peers {
  readonly docs: Y.Doc[]
  #queues: { to: Y.Doc; update: Uint8Array }[] = []

  constructor(count: number) {
    this.docs = Array.from({ length: count }, (_, index) => {
      const doc = new Y.Doc()
      doc.clientID = index + 1
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin === this) return
        for (const to of this.docs) if (to !== doc) this.#queues.push({ to, update })
      })
      return doc
    })
  }

  /** Does something with one of the updates that are under way. */
  network(what: 'deliver' | 'double' | 'drop', pick: number): void {
    if (!this.#queues.length) return
    const index = pick % this.#queues.length
    const { to, update } = this.#queues[index] as { to: Y.Doc; update: Uint8Array }
    if (what !== 'double') this.#queues.splice(index, 1)
    if (what !== 'drop') Y.applyUpdate(to, update, this)
  }

  /** All get what they have not got, whatever was dropped. */
  sync(): void {
    this.#queues = []
    // Twice, because what the last one has reaches the first one only in the second round.
    for (let round = 0; round < 2; round++)
      for (const from of this.docs)
        for (const to of this.docs)
          if (from !== to) Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), this)
  }
}
