import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isRunByNpm, whenParentGone } from './parent-watch.mjs'
import { root } from './root.mjs'

const apps = ['api', 'worker']

/** Runs the compiled app in this process, or says in one line why it cannot. */
export async function runBuiltApp(name) {
  const main = join(root, 'apps', String(name), 'dist/main.js')
  if (!apps.includes(name)) return fail(`usage: node scripts/run.mjs ${apps.join('|')}`, 64)
  if (!existsSync(main)) return fail(`apps/${name} is not built: run \`npm run build\` first`, 1)
  endWithNpm()
  await import(pathToFileURL(main).href)
}

/** Under npm a SIGTERM may end npm and its shell only: their end is then the signal. */
export function endWithNpm() {
  if (isRunByNpm()) whenParentGone(() => process.kill(process.pid, 'SIGTERM'))
}

function fail(message, exitCode) {
  console.error(`relais: ${message}`)
  process.exitCode = exitCode
}
