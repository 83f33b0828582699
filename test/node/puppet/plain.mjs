// A client as any application has it: yjs with y-websocket's provider.

import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import { Addresses, Client, until } from './client.mjs'

export class Plain extends Client {
  /** url: of the server, or several, of which each connection takes the next one. */
  constructor(url, room, doc, connect, reconnect = 100) {
    super(doc)
    this.closes = []
    const addresses = new Addresses(url)
    this.provider = new WebsocketProvider(addresses.next(), room, doc, {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
      maxBackoffTime: reconnect,
      connect,
    })
    this.awareness = this.provider.awareness
    this.provider.on('connection-close', (event) => {
      if (this.provider.wsconnected && this.provider.shouldConnect) this.lost++
      if (addresses.urls.length > 1) this.provider.serverUrl = addresses.next()
      if (event) this.closes.push({ code: event.code, reason: event.reason })
    })
  }

  /** Connects to another server from now on. */
  move(url) {
    const wanted = this.provider.shouldConnect
    this.provider.disconnect()
    this.provider.serverUrl = url
    if (wanted) this.provider.connect()
  }

  connect() {
    this.provider.connect()
  }

  disconnect() {
    this.provider.disconnect()
  }

  whenSynced() {
    return until(() => this.provider.synced, 'the provider to be synced')
  }

  status() {
    const { wsconnected: connected, synced, shouldConnect } = this.provider
    return { connected, synced, shouldConnect, closes: this.closes, lost: this.lost }
  }

  destroy() {
    this.stopWriting()
    this.provider.destroy()
    this.awareness.destroy()
    this.doc.destroy()
  }
}
