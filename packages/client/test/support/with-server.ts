// What tests of whole clients against the real server begin with.
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type ClientOptions, SymphonyClient } from '../../src/index.js'
import { SymphonyServer } from './server.js'

/** A real server for all tests of a file, and clients that leave after each. */
export function withServer(name: string) {
  let server: SymphonyServer
  let rooms = 0
  const clients: SymphonyClient[] = []

  const leave = () => Promise.all(clients.splice(0).map((client) => client.leave()))
  beforeAll(async () => {
    server = await SymphonyServer.start()
  })
  afterAll(() => server.dispose())
  afterEach(async () => {
    vi.unstubAllGlobals()
    await leave()
  })

  return {
    server: () => server,
    /** A client without storage, if the options do not say otherwise. */
    newClient(options: ClientOptions = {}, url = server.url): SymphonyClient {
      const client = new SymphonyClient(url, { WebSocket: WebSocket as never, offline: false, ...options })
      clients.push(client)
      return client
    },
    /** The id of a room that nobody entered before. */
    freshId: () => `${name} ${++rooms}`,
    /** Has all clients leave before the test ends. */
    leave,
  }
}
