// A plain y-websocket server: the one of @y/websocket-server, in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort } from './server.js'

const script = fileURLToPath(
  new URL('../../../../node_modules/@y/websocket-server/src/server.js', import.meta.url),
)

export class PlainServer {
  /** `ws://host:port` */
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  /** Starts it. Resolves when it answers. */
  static async start(): Promise<PlainServer> {
    const port = await freePort()
    const child = spawn(process.execPath, [script], {
      env: { ...process.env, HOST: '127.0.0.1', PORT: String(port) },
      stdio: 'ignore',
    })
    process.once('exit', () => child.kill('SIGKILL'))
    for (let i = 0; i < 1000; i++) {
      if (child.exitCode !== null) throw new Error('the y-websocket server ended')
      const up = await fetch(`http://127.0.0.1:${port}`).then(
        () => true,
        () => false,
      )
      if (up) return new PlainServer(`ws://127.0.0.1:${port}`, child)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    child.kill('SIGKILL')
    throw new Error('the y-websocket server did not start')
  }

  async dispose(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}
