// Types an editing trace, edit by edit, into a client's text.

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'
import { until } from './client.mjs'

/**
 * file: a trace of josephg/editing-traces (sequential format): transactions of patches [position, deleted, inserted],
 * positions in code points. Returns the expected end and how many edits were typed.
 */
export const typeTrace = async (client, file) => {
  const { startContent, endContent, txns } = JSON.parse(gunzipSync(readFileSync(file)).toString())
  const text = client.doc.getText('text')
  const units = new CodePoints()
  let edits = 0
  if (startContent !== '') {
    text.insert(0, startContent)
    units.edit(0, 0, startContent)
  }
  for (const { patches } of txns) {
    for (const [position, deleted, inserted] of patches) {
      const { at, length } = units.edit(position, deleted, inserted)
      client.doc.transact(() => {
        if (length > 0) text.delete(at, length)
        if (inserted !== '') text.insert(at, inserted)
      })
      // A browser would be slow enough by itself; here the socket has to keep up.
      if (++edits % 1000 === 0)
        await until(
          () => (client.provider.ws?.bufferedAmount ?? 0) < 1 << 20,
          'the socket to take what was typed',
        )
    }
  }
  await until(
    () => client.provider.wsconnected && client.provider.ws.bufferedAmount === 0,
    'the socket to take everything',
  )
  return { edits, end: endContent, same: text.toString() === endContent }
}

/** Turns positions in code points into UTF-16 units. Only characters outside the basic plane need to be remembered. */
class CodePoints {
  constructor() {
    this.wide = [] // positions, in code points, of characters of two units, ascending
  }

  edit(position, deleted, inserted) {
    const before = this.below(position)
    const inside = this.below(position + deleted) - before
    const added = []
    let count = 0
    for (const c of inserted) {
      if (c.length === 2) added.push(position + count)
      count++
    }
    const shift = count - deleted
    if (this.wide.length > before + inside && shift !== 0) {
      for (let i = before + inside; i < this.wide.length; i++) this.wide[i] += shift
    }
    this.wide.splice(before, inside, ...added)
    return { at: position + before, length: deleted + inside }
  }

  below(position) {
    let lo = 0
    let hi = this.wide.length
    while (lo < hi) {
      const mid = (lo + hi) >> 1
      if (this.wide[mid] < position) lo = mid + 1
      else hi = mid
    }
    return lo
  }
}

/**
 * file: a trace of two people who typed at the same time (concurrent format: transactions name their parents). First the
 * session is repeated in two local documents, exactly as it was; then each of the two clients says what its person
 * said, as soon as it has heard what that person had heard. Returns what the local documents ended with.
 */
export const typeTogether = async (clients, file) => {
  const { endContent, txns } = JSON.parse(gunzipSync(readFileSync(file)).toString())
  const people = [0, 1].map((agent) => new Person(agent))
  const heard = [] // of each transaction: how many transactions of each person are before it, or it
  for (const { agent, parents, patches } of txns) {
    const before = [0, 1].map((a) => Math.max(0, ...parents.map((p) => heard[p][a])))
    const [self, other] = [people[agent], people[1 - agent]]
    if (before[agent] !== self.said.length) throw new Error('a person of this trace has two histories')
    self.hear(other, before[1 - agent])
    self.type(patches)
    before[agent]++
    heard.push(before)
  }
  for (const p of people) p.hear(people[1 - p.agent], people[1 - p.agent].said.length)

  await Promise.all(clients.map((client, agent) => repeat(client.doc, people[agent], people[1 - agent])))
  const end = people[0].text.toString()
  return { edits: txns.length, end, same: end === endContent && end === people[1].text.toString() }
}

/** One of two people who type, without a network. */
class Person {
  constructor(agent) {
    this.agent = agent
    this.doc = new Y.Doc()
    this.doc.clientID = agent + 1
    this.text = this.doc.getText('text')
    this.said = [] // { update, after: clock of the other person that was heard before it }
    this.heard = 0 // how many of the other's updates
  }

  hear(other, count) {
    for (; this.heard < count; this.heard++) Y.applyUpdate(this.doc, other.said[this.heard].update)
  }

  type(patches) {
    let update = null
    const keep = (u) => {
      update = u
    }
    this.doc.on('update', keep)
    this.doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (/[\ud800-\udfff]/.test(inserted))
          throw new Error('positions of this trace are not those of UTF-16')
        if (deleted > 0) this.text.delete(position, deleted)
        if (inserted !== '') this.text.insert(position, inserted)
      }
    })
    this.doc.off('update', keep)
    this.said.push({ update, after: Y.getState(this.doc.store, 2 - this.agent) })
  }
}

const repeat = async (doc, self, other) => {
  let count = 0
  for (const { update, after } of self.said) {
    if (Y.getState(doc.store, other.doc.clientID) < after || ++count % 500 === 0) {
      await until(() => Y.getState(doc.store, other.doc.clientID) >= after, 'the other to be heard')
    }
    Y.applyUpdate(doc, update)
  }
}
