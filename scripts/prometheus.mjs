import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'
import { fetchPackage, unpackedProgram } from './system-package.mjs'
import { runTool } from './tool.mjs'

const debian = {
  title: 'a Prometheus',
  name: 'prometheus',
  program: 'usr/bin/prometheus',
  // The rest are scripts and fonts of its pages.
  choose: (names) => names.filter((name) => name === 'prometheus'),
}

/**
 * Finds a Prometheus that can be started here, with its promtool: on the PATH, else Debian's package unpacked into `cacheDir` (nothing is
 * installed on the system).
 * @returns `{ prometheus, promtool }`, two commands, or undefined.
 */
export async function findPrometheus({
  cacheDir = join(root, '.cache/prometheus'),
  onProgress = () => {},
} = {}) {
  if (await isOnPath()) return { prometheus: 'prometheus', promtool: 'promtool' }
  const found =
    (await unpackedProgram(cacheDir, debian.program)) ?? (await fetchPackage(cacheDir, debian, onProgress))
  return found && { prometheus: found.command, promtool: join(dirname(found.command), 'promtool') }
}

/** The environment in which the tests find it. Empty: it was looked for, and is not to be had. */
export function prometheusEnvironment(found) {
  return { RELAIS_PROMETHEUS: found?.prometheus ?? '', RELAIS_PROMTOOL: found?.promtool ?? '' }
}

async function isOnPath() {
  const checks = ['prometheus', 'promtool'].map((name) => runTool(name, ['--version'], { timeoutMs: 5000 }))
  return (await Promise.all(checks)).every(({ code }) => code === 0)
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const found = await findPrometheus({ onProgress: (line) => console.error(line) })
  console.log(JSON.stringify(prometheusEnvironment(found)))
}
