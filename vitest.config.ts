import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const folders = {
  client: 'packages/client',
  core: 'packages/core',
  simulator: 'packages/simulator',
  testing: 'packages/testing',
}
const apps = { api: 'apps/api', worker: 'apps/worker' }

/** Tests read the sources of the workspace, so a forgotten build can never hide a change. */
const alias = Object.entries({ ...folders, ...apps }).map(([name, folder]) => ({
  find: new RegExp(`^@relais/${name}(/conformance)?$`),
  replacement: fileURLToPath(new URL(`${folder}/src$1/index.ts`, import.meta.url)),
}))

export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      'apps/*/{src,test}/**/*.test.ts',
      'packages/*/{src,test}/**/*.test.ts',
      'e2e/**/*.test.ts',
      'scripts/**/*.test.{mjs,ts}',
      'bench/**/*.test.mjs',
    ],
    globalSetup: 'packages/testing/src/global-setup.ts',
    // Tests start real processes: forks keep their signals and open handles apart.
    pool: 'forks',
    // No test changes what modules share, so each worker loads them once.
    isolate: false,
    // One more than the cores that are promised: the tests of the whole mostly wait.
    maxWorkers: 3,
    // Tests of the whole mostly wait, so some of a file run together; each brings four processes or more.
    maxConcurrency: 4,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    passWithNoTests: false,
  },
})
