#!/usr/bin/env node
// The operators' tool: `npx relais` in the workspace, `relais` in the image. Old Nodes must be able to read this file.
import { existsSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
const main = new URL('../dist/main.js', import.meta.url)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write('relais: needs Node 20.19 or later, and this is ' + process.versions.node + '\n')
  process.exitCode = 70
} else if (!existsSync(main)) {
  process.stderr.write('relais: it is not built yet: run `npm run build` first\n')
  process.exitCode = 70
} else {
  await import(main.href)
}
