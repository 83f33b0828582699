import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    alias: {
      // The source, so that nothing has to be built before.
      '@symphony-rtc/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)),
    },
  },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: 'test/support/server.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
