import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './root.mjs'
import { installHash, pnpm } from './setup.mjs'
import { step } from './step.mjs'
import { requireTool } from './tool.mjs'

/** What is shipped; all else is for development. The Dockerfile says the same. */
const shipped = ['@relais/api', '@relais/cli', '@relais/worker', '@relais/simulator']

/** The arguments that make pnpm write the CycloneDX bill of what is shipped. */
export const sbomArguments = [
  'sbom',
  '--prod',
  ...shipped.flatMap((name) => ['--filter', name]),
  '--sbom-format',
  'cyclonedx',
  '--sbom-spec-version',
  '1.6',
  '--sbom-type',
  'application',
]

export const sbomFile = 'dist/sbom.cdx.json'
const mark = join(root, 'node_modules/.relais-sbom')

/** Writes the bill of materials, unless the one that is there is of this very installation. */
export async function writeSbom() {
  const wanted = await installHash(root)
  const file = join(root, sbomFile)
  if (existsSync(file) && (await readFile(mark, 'utf8').catch(() => '')) === wanted) return
  await mkdir(join(root, 'dist'), { recursive: true })
  await step('Writing the bill of materials', () =>
    requireTool('the bill of materials', 'npx', ['--yes', pnpm, ...sbomArguments, '--out', sbomFile]),
  )
  await writeFile(mark, wanted)
}
