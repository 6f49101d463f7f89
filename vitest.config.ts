import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const folders = { core: 'packages/core', simulator: 'packages/simulator', testing: 'packages/testing' }
const apps = { api: 'apps/api', worker: 'apps/worker' }

/** Tests read the sources of the workspace, so a forgotten build can never hide a change. */
const alias = Object.entries({ ...folders, ...apps }).map(([name, folder]) => ({
  find: new RegExp(`^@relais/${name}$`),
  replacement: fileURLToPath(new URL(`${folder}/src/index.ts`, import.meta.url)),
}))

export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      'apps/*/{src,test}/**/*.test.ts',
      'packages/*/{src,test}/**/*.test.ts',
      'e2e/**/*.test.ts',
      'scripts/**/*.test.{mjs,ts}',
    ],
    globalSetup: 'packages/testing/src/global-setup.ts',
    // Tests start real processes: forks keep their signals and open handles apart.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    retry: 0,
    passWithNoTests: false,
  },
})
