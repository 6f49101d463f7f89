import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './root.mjs'
import { step } from './step.mjs'
import { packageProgram, requireTool } from './tool.mjs'

export const pnpm = 'pnpm@12.21.0'
const installedMark = join(root, 'node_modules/.relais-installed')

/** Installs what the lockfile names and compiles the workspace; quick when nothing has changed. */
export async function setUp() {
  await install()
  await step('Compiling the workspace', () =>
    requireTool('the compiler', process.execPath, [packageProgram('typescript', 'bin/tsc'), '-b']),
  )
}

async function install() {
  const wanted = await installHash(root)
  if ((await readFile(installedMark, 'utf8').catch(() => '')) === wanted) return
  await step('Installing dependencies', () =>
    requireTool(`the installation by ${pnpm}`, 'npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], {
      env: { CI: 'true' }, // never asks, whatever it finds in node_modules
    }),
  )
  await writeFile(installedMark, wanted)
}

/** Changes with everything that decides what an installation contains. */
export async function installHash(folder) {
  const hash = createHash('sha256').update(`${pnpm} ${process.platform} ${process.arch}\n`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...(await manifests(folder))]) {
    hash.update(`${file}\n`).update(await readFile(join(folder, file)))
  }
  return hash.digest('hex')
}

/** package.json of the root, and of folders up to two levels below it. */
async function manifests(folder) {
  const found = ['package.json']
  for (const first of await subfolders(folder)) {
    const second = (await subfolders(join(folder, first))).map((name) => `${first}/${name}`)
    for (const candidate of [first, ...second]) {
      const names = await readdir(join(folder, candidate))
      if (names.includes('package.json')) found.push(`${candidate}/package.json`)
    }
  }
  return found
}

async function subfolders(folder) {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return names.filter((name) => !name.startsWith('.') && name !== 'node_modules').sort()
}
