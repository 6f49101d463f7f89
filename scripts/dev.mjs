#!/usr/bin/env node
// The entry of `npm start`, `npm test`, `npm run build`, `npm run audit` and `npm run simulator`. It works in a fresh clone, so
// nothing here may import a dependency. The commands are loaded after the check, which an old Node must survive.
import { requireSupportedNode } from './node-version.mjs'

requireSupportedNode()
void import('./commands.mjs').then((commands) => commands.runFromCommandLine(process.argv.slice(2)))
