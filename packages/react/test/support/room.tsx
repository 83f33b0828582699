import { SymphonyClient } from '@symphony-rtc/client'
import { cleanup, render, waitFor } from '@testing-library/react'
import type { ReactElement, ReactNode } from 'react'
import { afterEach } from 'vitest'
import { WebSocket } from 'ws'
import { RoomProvider, SymphonyProvider } from '../../src/index.js'

const clients: SymphonyClient[] = []

/** A client of a server, by default of a port where nobody listens: what is local works nevertheless. */
export function newClient(url = 'ws://127.0.0.1:9', presenceInterval = 5): SymphonyClient {
  const client = new SymphonyClient({ url, WebSocket: WebSocket as never, offline: false, presenceInterval })
  clients.push(client)
  return client
}

afterEach(async () => {
  cleanup()
  await Promise.all(clients.splice(0).map((client) => client.leave()))
})

/** Waits for something that is expected to be shown, far longer than it needs on a slow machine. */
export function happens(condition: () => unknown): Promise<void> {
  const check = () => {
    if (!condition()) throw new Error(`this did not happen: ${condition}`)
  }
  return waitFor(check, { timeout: 20_000, interval: 5 })
}

export function Board(props: {
  client: SymphonyClient
  id?: string
  initialPresence?: Record<string, unknown>
  children?: ReactNode
}): ReactElement {
  return (
    <SymphonyProvider client={props.client}>
      <RoomProvider id={props.id ?? 'room'} initialPresence={props.initialPresence}>
        {props.children}
      </RoomProvider>
    </SymphonyProvider>
  )
}

/** Renders components in a room. The room that comes with them is the one they are in. */
export function renderInRoom(children: ReactNode) {
  const client = newClient()
  const room = client.enter('room')
  const result = render(<Board client={client}>{children}</Board>)
  return { client, room, ...result }
}
