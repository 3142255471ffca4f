import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// As Node resolves: it knows no `module`.
const conditions = ['@trestle/source', ...defaultServerConditions.filter((it) => it !== 'module')]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'examples/*/**/*.test.ts'],
    globalSetup: ['packages/server/test/support/postgres-server.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
})
