// A connection that says whatever it is told to, for messages that no correct client sends.

import WebSocket from 'ws'

/**
 * Connects, sends the messages (base64; text: true sends them as text), and waits until the server closes or, with
 * `linger` ms, that long. Answers how it ended and what came.
 */
export const rawExchange = ({ url, messages = [], text = false, protocol, linger }) =>
  new Promise((resolve) => {
    const ws = new WebSocket(url, protocol ? [protocol] : [], { perMessageDeflate: false })
    const received = []
    let timer = null
    const end = (fields) => {
      clearTimeout(timer)
      ws.terminate()
      resolve({ received, ...fields })
    }
    ws.on('open', () => {
      for (const m of messages) {
        const bytes = Buffer.from(m, 'base64')
        ws.send(text ? bytes.toString() : bytes)
      }
      timer = setTimeout(() => end({ code: 0, reason: 'still open' }), linger ?? 60000)
    })
    ws.on('message', (data) => received.push(Buffer.from(data).toString('base64')))
    ws.on('unexpected-response', (_, response) => end({ status: response.statusCode }))
    ws.on('error', (err) => end({ error: err.message }))
    ws.on('close', (code, reason) => end({ code, reason: reason.toString() }))
  })
