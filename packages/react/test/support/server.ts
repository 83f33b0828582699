import type { TestProject } from 'vitest/node'
import { SymphonyServer } from '../../../client/test/support/server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the real server, which runs for all tests. */
    server: string
  }
}

export default async function setup(project: TestProject) {
  const server = await SymphonyServer.start()
  project.provide('server', server.url)
  return () => server.dispose()
}
