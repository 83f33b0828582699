// A client that speaks symphony.v1 (docs/protocol.md): it knows which of its updates are durable.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import WebSocket from 'ws'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { Addresses, Client, until } from './client.mjs'
import { mergeAll, toBase64 } from './state.mjs'

const types = { sync: 0, awareness: 1, query: 3, hello: 100, durable: 101, storage: 104, initial: 105 }
const steps = { one: 0, two: 1, update: 2 }

export class SymphonyClient extends Client {
  /** url: of the server, or several, of which each connection takes the next one. reconnect: milliseconds after which a connection that ended is made anew, and up to twice as long. */
  constructor(url, room, doc, connect, reconnect = 30) {
    super(doc)
    this.room = room
    this.reconnect = reconnect
    this.addresses = new Addresses(url)
    this.awareness = new awarenessProtocol.Awareness(doc)
    this.wanted = connect
    this.ws = null
    this.hello = null
    this.sent = [] // updates sent on this connection, in order, and how many edits were made until each
    this.durable = 0 // how many of them are durable
    this.kept = [] // updates of all connections that were durable and not yet asked for
    this.count = 0
    this.closes = []
    this.storage = [] // states of storage that the server told, of all connections; each begins with 0, fine
    doc.on('update', (update, origin) => {
      if (origin === this) return
      this.waits.edit()
      this.sendUpdate(steps.update, update)
    })
    this.awareness.on('update', ({ added, updated, removed }, origin) => {
      if (origin !== this) this.sendAwareness(added.concat(updated, removed))
    })
    if (connect) this.open()
  }

  open() {
    this.hello = null
    this.sent = []
    this.durable = 0
    this.answered = false // whether the server was told what it was missing
    this.synced = false
    const ws = new WebSocket(`${this.addresses.next()}/${this.room}`, 'symphony.v1')
    ws.binaryType = 'arraybuffer'
    this.ws = ws
    ws.onopen = () => {
      this.send(types.sync, (e) => {
        encoding.writeVarUint(e, steps.one)
        encoding.writeVarUint8Array(e, Y.encodeStateVector(this.doc))
      })
      this.sendAwareness([this.doc.clientID])
    }
    ws.onmessage = ({ data }) => this.ws === ws && this.receive(new Uint8Array(data))
    ws.onerror = () => {}
    ws.onclose = ({ code, reason }) => {
      if (this.ws !== ws) return
      this.closes.push({ code, reason })
      if (this.hello !== null) this.lost++
      this.ws = null
      if (this.wanted)
        setTimeout(() => this.wanted && this.ws === null && this.open(), this.reconnect * (1 + Math.random()))
    }
  }

  receive(message) {
    const d = decoding.createDecoder(message)
    const type = decoding.readVarUint(d)
    if (this.hello === null && type !== types.hello) throw new Error(`message of type ${type} before hello`)
    switch (type) {
      case types.sync: {
        const step = decoding.readVarUint(d)
        const body = decoding.readVarUint8Array(d)
        if (step === steps.one) {
          this.sendUpdate(steps.two, Y.encodeStateAsUpdate(this.doc, body))
          return
        }
        Y.applyUpdate(this.doc, body, this)
        if (step === steps.two) this.synced = true
        break
      }
      case types.awareness:
        awarenessProtocol.applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(d), this)
        break
      case types.hello:
        this.hello = {
          connection: decoding.readVarString(d),
          generation: decoding.readVarUint(d),
          permission: decoding.readUint8(d),
          maxMessage: decoding.readVarUint(d),
        }
        this.storage.push(0)
        break
      case types.durable: {
        const n = decoding.readVarUint(d)
        if (n < this.durable || n > this.sent.length) {
          throw new Error(`durable says ${n} after ${this.durable}, and ${this.sent.length} were sent`)
        }
        for (; this.durable < n; this.durable++) {
          const { update, edits } = this.sent[this.durable]
          this.kept.push(update)
          this.waits.acknowledged(edits)
          this.sent[this.durable] = null
          this.count++
        }
        break
      }
      case types.storage:
        this.storage.push(decoding.readUint8(d))
        break
      case types.initial: // an answer to nothing that this client asked: proxies are careful
        break
      default:
        throw new Error(`message of unknown type ${type}`)
    }
  }

  send(type, body) {
    if (this.ws === null || this.ws.readyState !== WebSocket.OPEN) return false
    const e = encoding.createEncoder()
    encoding.writeVarUint(e, type)
    body(e)
    this.ws.send(encoding.toUint8Array(e))
    return true
  }

  sendUpdate(step, update) {
    const sent = this.send(types.sync, (e) => {
      encoding.writeVarUint(e, step)
      encoding.writeVarUint8Array(e, update)
    })
    if (!sent) return
    if (step === steps.two) this.answered = true
    // What was edited before this connection is in the answer to the server's state vector, and not before.
    this.sent.push({ update, edits: this.answered ? this.waits.made : 0 })
  }

  sendAwareness(ids) {
    this.send(types.awareness, (e) => {
      encoding.writeVarUint8Array(e, awarenessProtocol.encodeAwarenessUpdate(this.awareness, ids))
    })
  }

  /** Connects to another server from now on. */
  move(url) {
    this.addresses = new Addresses(url)
    const wanted = this.wanted
    this.disconnect()
    if (wanted) this.connect()
  }

  connect() {
    this.wanted = true
    if (this.ws === null) this.open()
  }

  disconnect() {
    this.wanted = false
    const ws = this.ws
    this.ws = null
    this.synced = false
    if (ws !== null) {
      ws.onclose = null
      ws.close()
    }
  }

  whenSynced() {
    return until(() => this.ws !== null && this.synced, 'the symphony client to be synced')
  }

  whenDurable() {
    return until(
      () => this.synced && this.ws !== null && this.sent.length > 0 && this.durable === this.sent.length,
      'all updates to be durable',
    )
  }

  /** The updates that became durable since the last call, merged; and how many ever did. */
  acknowledged() {
    const updates = this.kept
    this.kept = []
    return { count: this.count, updates: updates.length, merged: toBase64(mergeAll(updates)) }
  }

  status() {
    const connected = this.ws !== null && this.ws.readyState === WebSocket.OPEN
    return {
      connected,
      synced: this.synced,
      hello: this.hello,
      closes: this.closes,
      sent: this.sent.length,
      durable: this.durable,
      count: this.count,
      storage: this.storage,
      lost: this.lost,
    }
  }

  destroy() {
    this.stopWriting()
    this.awareness.setLocalState(null)
    this.disconnect()
    this.awareness.destroy()
    this.doc.destroy()
  }
}
