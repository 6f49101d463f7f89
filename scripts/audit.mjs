import { pnpm } from './setup.mjs'
import { runTool } from './tool.mjs'

const found = 1
const unavailable = 69 // EX_UNAVAILABLE: nobody knows, which is not "nothing found"
const withinMs = 60_000

/**
 * Asks the package registry for known vulnerabilities of what the lockfile names, also of what only development needs.
 * @param args for `pnpm audit`, such as `--prod`.
 * @returns the exit code: 0 when none is known, 1 when there are some, 69 when the registry could not be asked.
 */
export async function audit(args) {
  const asked = await runTool('npx', ['--yes', pnpm, 'audit', '--json', ...args], {
    env: { PNPM_CONFIG_FETCH_RETRIES: '0' }, // whoever asks may ask again
    timeoutMs: withinMs,
  })
  const answer = answerIn(asked.output)
  if (!answer) {
    console.error(asked.output.trimEnd())
    console.error(
      'relais: the package registry could not be asked for known vulnerabilities: nothing is known',
    )
    return unavailable
  }
  const { advisories, dependencies } = answer
  for (const { severity, name, versions, title, patched, url } of advisories) {
    console.log(`${severity}: ${name} ${versions}: ${title}. Patched: ${patched}. ${url}`)
  }
  console.log(`${advisories.length} known vulnerabilities in ${dependencies} packages`)
  return advisories.length > 0 ? found : 0
}

/** What the tool found out, amid what else it and npm print; undefined when it did not. */
function answerIn(output) {
  try {
    const { advisories, metadata } = JSON.parse(/^\{$[^]*^\}$/m.exec(output)[0])
    const dependencies = metadata.totalDependencies
    return dependencies > 0 ? { advisories: Object.values(advisories).map(shown), dependencies } : undefined
  } catch {
    return undefined
  }
}

function shown({ severity, module_name: name, findings, title, patched_versions: patched, url }) {
  return { severity, name, versions: findings.map(({ version }) => version).join(', '), title, patched, url }
}
