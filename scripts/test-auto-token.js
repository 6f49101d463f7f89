#!/usr/bin/env node
// Every check there is, and the next step for what is wrong. Exit code: 0 all is well, 1 warnings only, 2 something is
// wrong, 78 faulty settings. Options: --exchange, --json, --file PATH, --help.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { requireSupportedNode } from './node-version.mjs'

requireSupportedNode()
const main = new URL('../apps/cli/dist/main.js', import.meta.url)
const dev = fileURLToPath(new URL('dev.mjs', import.meta.url))
if (!existsSync(main)) {
  // Its output goes to stderr: what follows may be JSON for a program.
  const { status } = spawnSync(process.execPath, [dev, 'build'], {
    stdio: ['ignore', process.stderr, 'inherit'],
  })
  if (status !== 0) process.exit(status ?? 1)
}
process.argv.splice(2, 0, 'doctor')
await import(main.href)
