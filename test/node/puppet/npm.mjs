// A client as applications of Symphony have it: the npm package @symphony-rtc/client, built from its sources.

import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { Addresses, Client, until } from './client.mjs'
import { mergeAll, toBase64 } from './state.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The package as one module, where its imports are found. */
const load = async () => {
  const { build } = await import('esbuild') // which takes a moment
  const { outputFiles } = await build({
    entryPoints: [here('../../../packages/client/src/index.ts')],
    bundle: true,
    packages: 'external', // one copy of yjs for everybody
    format: 'esm',
    platform: 'node',
    write: false,
    logLevel: 'silent',
  })
  const [{ contents }] = outputFiles
  const dir = here('../../../node_modules/.cache/symphony-test')
  const file = `${dir}/client-${createHash('sha256').update(contents).digest('hex').slice(0, 16)}.mjs`
  await mkdir(dir, { recursive: true })
  await writeFile(`${file}.${process.pid}`, contents) // other processes may do the same
  await rename(`${file}.${process.pid}`, file)
  return await import(file)
}

let loaded = null

export class NpmClient extends Client {
  /** url: of the server, or several, of which each connection takes the next one. */
  static async make(url, room, connect) {
    loaded ??= load()
    return new NpmClient(await loaded, new Addresses(url), room, connect)
  }

  constructor({ SymphonyClient }, addresses, room, connect) {
    const client = { away: !connect, sockets: new Set(), closes: [], page: new EventTarget() }
    globalThis.window = client.page // tells the package that there is a network again: this client and no other
    // The package knows one address of a server; before several there is a balancer, which this stands for.
    class Balanced extends WebSocket {
      constructor(url, protocols) {
        super(
          client.away ? nowhere : `${addresses.next()}/${new URL(url).pathname.split('/').pop()}`,
          protocols,
        )
        client.sockets.add(this)
        this.on('close', (code, reason) => {
          client.sockets.delete(this)
          if (!client.away) client.closes.push({ code, reason: String(reason) })
        })
      }
    }
    const symphony = new SymphonyClient(addresses.urls[0], { WebSocket: Balanced, offline: false })
    const entered = symphony.enter(decodeURIComponent(room))
    super(entered.doc)
    this.network = client
    this.room = entered
    this.awareness = entered.awareness
    this.closes = client.closes // of connections, and errors of the room
    this.kept = [] // updates that became durable and were not yet asked for
    this.count = 0
    this.open = [] // updates that are not durable
    this.doc.on('update', (update, _origin, _doc, transaction) => {
      if (!transaction.local) return
      this.waits.edit()
      this.open.push(update)
    })
    let connected = false
    entered.on('status', (status) => {
      if (connected && status !== 'connected' && !client.away) this.lost++
      connected = status === 'connected'
    })
    entered.on('saveStatus', (status) => {
      if (status !== 'durable') return
      for (const update of this.open) this.kept.push(update)
      this.count += this.open.length
      this.open = []
      this.waits.acknowledged(this.waits.made)
    })
    entered.on('error', (error) => this.closes.push({ code: 0, reason: String(error) }))
    entered.on('reset', () => this.closes.push({ code: 0, reason: 'the room began anew' }))
  }

  connect() {
    this.network.away = false
    this.network.page.dispatchEvent(new Event('online'))
  }

  /** Takes the network away. */
  disconnect() {
    this.network.away = true
    for (const socket of this.network.sockets) socket.terminate()
  }

  whenSynced() {
    return this.room.synced()
  }

  whenDurable() {
    return until(() => this.room.saveStatus === 'durable', 'everything to be durable')
  }

  /** The updates that became durable since the last call, merged; and how many ever did. */
  acknowledged() {
    const updates = this.kept
    this.kept = []
    return { count: this.count, updates: updates.length, merged: toBase64(mergeAll(updates)) }
  }

  status() {
    const { status } = this.room
    const connected = status === 'connected'
    return {
      connected,
      shouldConnect: status !== 'closed',
      closes: this.closes,
      count: this.count,
      lost: this.lost,
    }
  }

  async destroy() {
    this.stopWriting()
    await this.room.leave()
  }
}

const nowhere = 'ws://127.0.0.1:9/'
