// A program full of real clients that does what its standard input says: one JSON command a line in, one JSON answer
// a line out ({ id, value } or { id, error }). The Go tests write scenarios with it (test/harness/puppet.go).
//
// A command is { id, do, client, ... }; `client` names a client of this process. Commands run one after the other in
// the order of their arrival, except that those that wait (synced, until, ...) do not hold up others.

import { createInterface } from 'node:readline'
import * as Y from 'yjs'
import { NpmClient } from './puppet/npm.mjs'
import { Plain } from './puppet/plain.mjs'
import { rawExchange } from './puppet/raw.mjs'
import { contains, describe, fromBase64, mergeAll, toBase64 } from './puppet/state.mjs'
import { SymphonyClient } from './puppet/symphony.mjs'
import { typeTogether, typeTrace } from './puppet/trace.mjs'
import { Writer } from './puppet/writer.mjs'

console.log = console.warn = console.info = (...words) => console.error(...words) // standard output is for answers

const clients = new Map()

const client = (name) => {
  const c = clients.get(name)
  if (!c) throw new Error(`no client ${name}`)
  return c
}

const commands = {
  /**
   * A new client joins a room: kind plain (y-websocket's provider), symphony (symphony.v1) or npm (@symphony-rtc/client). url may be a
   * list, of which each connection takes the next. connect: false waits.
   */
  join: async ({
    client: name,
    kind = 'plain',
    url,
    room,
    clientID,
    connect = true,
    gc = true,
    reconnect,
  }) => {
    if (kind === 'npm') {
      const c = await NpmClient.make(url, room, connect)
      clients.set(name, c)
      return { clientID: c.doc.clientID }
    }
    const doc = new Y.Doc({ gc })
    if (clientID !== undefined) doc.clientID = clientID
    clients.set(name, new (kind === 'plain' ? Plain : SymphonyClient)(url, room, doc, connect, reconnect))
    return { clientID: doc.clientID }
  },
  leave: ({ client: name }) => {
    client(name).destroy()
    clients.delete(name)
  },
  /** A client connects to another server from now on. */
  move: ({ client: name, url }) => client(name).move(url),
  connect: ({ client: name }) => client(name).connect(),
  disconnect: ({ client: name }) => client(name).disconnect(),
  synced: ({ client: name }) => client(name).whenSynced(),

  /** Simple edits, for scenarios that know what they expect. */
  insert: ({ client: name, root = 'text', at, text }) => client(name).doc.getText(root).insert(at, text),
  append: ({ client: name, root = 'text', text }) => {
    const t = client(name).doc.getText(root)
    t.insert(t.length, text)
  },
  remove: ({ client: name, root = 'text', at, length }) => client(name).doc.getText(root).delete(at, length),
  set: ({ client: name, root = 'map', key, value }) => client(name).doc.getMap(root).set(key, value),
  element: ({ client: name, root = 'xml', tag, text }) => {
    const e = new Y.XmlElement(tag)
    e.insert(0, [new Y.XmlText(text)])
    const fragment = client(name).doc.getXmlFragment(root)
    fragment.insert(fragment.length, [e])
  },

  /** Random edits: `edits` at once, or continually until `rest`. */
  edit: ({ client: name, seed, edits }) => new Writer(client(name), seed).write(edits),
  write: ({ client: name, seed, pause }) => client(name).startWriting(new Writer(client(name), seed), pause),
  rest: ({ client: name }) => client(name).stopWriting(),

  presence: ({ client: name, state }) => client(name).awareness.setLocalState(state),
  present: ({ client: name }) => Object.fromEntries(client(name).awareness.getStates()),

  /** What the client has: state (V1), state vector and JSON of the roots that scenarios use. */
  state: ({ client: name }) => describe(client(name).doc),
  status: ({ client: name }) => client(name).status(),

  /** What a symphony client was told is durable: number of updates, and the updates merged. */
  acknowledged: ({ client: name }) => client(name).acknowledged(),
  /** Waits until everything that a symphony client has said is durable. */
  durable: ({ client: name }) => client(name).whenDurable(),

  /**
   * Whether edits are acknowledged in time: of a symphony or npm client, the longest time that one waited since the last mark, in ms, and
   * how many wait now. mark begins anew.
   */
  waited: ({ client: name, mark }) => {
    const { waits } = client(name)
    const answer = { longest: waits.longest, pending: waits.pending.length }
    if (mark) waits.mark()
    return answer
  },

  /** Functions without a client. */
  contains: ({ whole, part }) => contains(fromBase64(whole), fromBase64(part)),
  merge: ({ updates }) => toBase64(mergeAll(updates.map(fromBase64))),
  load: ({ v1, v2 }) => {
    const doc = new Y.Doc()
    if (v1) Y.applyUpdate(doc, fromBase64(v1))
    if (v2) Y.applyUpdateV2(doc, fromBase64(v2))
    return describe(doc)
  },
  trace: ({ client: name, file }) => typeTrace(client(name), file),
  together: ({ clients: names, file }) => typeTogether(names.map(client), file),
  raw: (command) => rawExchange(command),
}

// JSON has no bigint.
const plain = (_, v) => (typeof v === 'bigint' ? String(v) : v)
const answer = (id, fields) => process.stdout.write(`${JSON.stringify({ id, ...fields }, plain)}\n`)

const run = async (line) => {
  const command = JSON.parse(line)
  try {
    const f = commands[command.do]
    if (!f) throw new Error(`no command ${command.do}`)
    answer(command.id, { value: (await f(command)) ?? null })
  } catch (err) {
    answer(command.id, { error: err.stack ?? String(err) })
  }
}

createInterface({ input: process.stdin })
  .on('line', run)
  .on('close', () => process.exit(0))
