import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from './failure.mjs'
import { runTool } from './tool.mjs'

const commands = ['chromium', 'chromium-browser', 'google-chrome']

/**
 * Finds a Chromium that runs: the file that RELAIS_BROWSER names, else one on the PATH. Some are there and only say how to install the
 * real one, so each is asked for its version.
 * @returns its whole path, or undefined.
 * @throws Failure when RELAIS_BROWSER names one that does not run: whoever names one does not want its tests skipped.
 */
export async function findBrowser(env = process.env) {
  const named = env.RELAIS_BROWSER
  for (const file of named ? [resolve(named)] : onPath(env.PATH ?? '')) {
    const { code, output } = await runTool(file, ['--version'], { timeoutMs: 10_000 })
    if (code === 0 && /Chrom(e|ium)/.test(output)) return file
  }
  if (named) throw new Failure(`RELAIS_BROWSER: ${named} is no Chromium that runs here`)
  return undefined
}

/** The environment in which the tests find this browser. */
export function browserEnvironment(file) {
  return file === undefined ? {} : { RELAIS_BROWSER: file }
}

function onPath(path) {
  const folders = path.split(delimiter).filter(Boolean)
  return commands.flatMap((command) => folders.map((folder) => join(folder, command)))
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(browserEnvironment(await findBrowser())))
}
