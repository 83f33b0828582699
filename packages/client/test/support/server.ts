// Starts the real server for tests, and puts a proxy with faults between it and a client.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const built = fileURLToPath(new URL('../../../../bin/symphony', import.meta.url))

/** A free TCP port of this machine, as far as one can know. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The real server, in a process of its own with a directory of its own. It can be ended and started again. */
export class SymphonyServer {
  readonly port: number
  /** `ws://host:port` */
  readonly url: string
  /** The directory of its data. */
  readonly data = mkdtempSync(join(tmpdir(), 'symphony-client-'))
  readonly #flags: string[]
  #process: ChildProcess | undefined
  #log = ''

  private constructor(port: number, flags: string[]) {
    this.port = port
    this.url = `ws://127.0.0.1:${port}`
    this.#flags = flags
    // Tests that fail before they dispose of it leave nothing either.
    process.once('exit', () => {
      this.#process?.kill('SIGKILL')
      rmSync(this.data, { recursive: true, force: true })
    })
  }

  /** Starts a server. Resolves when it answers. */
  static async start(...flags: string[]): Promise<SymphonyServer> {
    const server = await SymphonyServer.prepare(...flags)
    await server.run()
    return server
  }

  /** A server that does not run yet. */
  static async prepare(...flags: string[]): Promise<SymphonyServer> {
    return new SymphonyServer(await freePort(), flags)
  }

  /** The URL of a room. */
  room(id: string): string {
    return `${this.url}/rooms/${encodeURIComponent(id)}`
  }

  /** Starts it, again after `stop` or `kill`, on the same port with the same data. */
  async run(): Promise<void> {
    const binary = process.env.SYMPHONY_BIN ?? built
    if (!existsSync(binary)) throw new Error(`${binary} does not exist: run make build first`)
    const args = ['dev', '--addr', `127.0.0.1:${this.port}`, '--data', this.data, ...this.#flags]
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    child.stdout.on('data', (text) => this.#keep(text))
    child.stderr.on('data', (text) => this.#keep(text))
    for (let i = 0; i < 1000; i++) {
      if (child.exitCode !== null) break
      try {
        await fetch(`http://127.0.0.1:${this.port}/rooms/`)
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    child.kill('SIGKILL')
    throw new Error(`the server did not start: ${this.#log}`)
  }

  #keep(text: unknown): void {
    this.#log = (this.#log + String(text)).slice(-10_000)
  }

  /** SIGTERM, and waits for its end. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** SIGKILL, and waits for its end. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.run()
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  /** Ends it and removes its data. */
  async dispose(): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true, force: true })
  }
}

/** A TCP proxy in front of a server that can cut, swallow and delay. */
export class FaultProxy {
  readonly port: number
  /** `ws://host:port` */
  readonly url: string
  /** Whether connections are refused: accepted and closed at once. */
  refuse = false
  /** Whether bytes are swallowed, both ways, with connections left open. */
  blackhole = false
  /** How long every chunk waits, both ways, in ms. */
  delay = 0
  /** How many connections were made. */
  connections = 0
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()

  private constructor(server: Server, target: number) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.url = `ws://127.0.0.1:${this.port}`
    server.on('connection', (client) => this.#serve(client, target))
  }

  static async start(target: number): Promise<FaultProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FaultProxy(server, target)
  }

  /** The URL of a room. */
  room(id: string): string {
    return `${this.url}/rooms/${encodeURIComponent(id)}`
  }

  /** Cuts all connections, without a word. */
  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy()
      server.destroy()
    }
    this.#pairs.clear()
  }

  async dispose(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(client: Socket, target: number): void {
    this.connections++
    if (this.refuse) {
      client.destroy()
      return
    }
    const server = connect(target, '127.0.0.1')
    const pair: [Socket, Socket] = [client, server]
    this.#pairs.add(pair)
    const end = () => {
      client.destroy()
      server.destroy()
      this.#pairs.delete(pair)
    }
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true)
      from.on('error', end)
      from.on('close', end)
      from.on('data', (chunk) => {
        if (this.blackhole) return
        if (this.delay === 0) to.write(chunk)
        else setTimeout(() => to.writable && to.write(chunk), this.delay)
      })
    }
  }
}
