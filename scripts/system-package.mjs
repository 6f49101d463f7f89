import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { runTool } from './tool.mjs'

/**
 * The program that an earlier run unpacked into `folder`, if it still runs.
 * @param program its path in the packages, such as `usr/bin/redis-server`; it must know `--version`
 * @returns `{ kind: 'binary', command, ldLibraryPath }` or undefined.
 */
export async function unpackedProgram(folder, program) {
  const command = join(folder, program)
  if (!existsSync(command)) return undefined
  const ldLibraryPath = (await libraryFolders(folder)).join(delimiter)
  const { code } = await runTool(command, ['--version'], {
    env: { LD_LIBRARY_PATH: ldLibraryPath },
    timeoutMs: 5000,
  })
  return code === 0 ? { kind: 'binary', command, ldLibraryPath } : undefined
}

/**
 * Lets apt fetch a Debian package, and what of it this system lacks, without root: apt gets folders of its own and checks signatures as
 * usual. Several processes may do this at once: each unpacks apart, and whole.
 *
 * @param wanted `{ title: 'a Redis', name: 'redis-server', program }`; `choose` picks from the packages that apt would install, which are
 *   all of them unless it is given
 */
export async function fetchPackage(folder, wanted, onProgress) {
  if (process.platform !== 'linux' || !(await hasApt())) return undefined
  const work = `${folder}.${process.pid}.tmp`
  const startedAt = performance.now()
  onProgress(`Fetching ${wanted.title} from the system packages into .cache ...`)
  try {
    const unpacked = join(work, 'unpacked')
    if (!(await unpackPackages(work, wanted)) || !(await unpackedProgram(unpacked, wanted.program))) {
      return undefined
    }
    await putInPlace(unpacked, folder, wanted.program)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  onProgress(`Fetching ${wanted.title}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return unpackedProgram(folder, wanted.program)
}

/** The packages to download, from what `apt-get --simulate install` says it would do. */
export function packagesToInstall(simulation) {
  return [...simulation.matchAll(/^Inst (\S+)/gm)].map((match) => match[1])
}

async function hasApt() {
  const checks = await Promise.all(['apt-get', 'dpkg-deb'].map((name) => runTool(name, ['--version'])))
  return checks.every(({ code }) => code === 0)
}

async function unpackPackages(work, { name, choose = (names) => names }) {
  const archives = join(work, 'archives')
  const unpacked = join(work, 'unpacked')
  await Promise.all(
    ['lists/partial', 'archives/partial', 'unpacked'].map((folder) =>
      mkdir(join(work, folder), { recursive: true }),
    ),
  )
  const apt = (...args) =>
    runTool('apt-get', [...aptOptions(work), ...args], {
      cwd: archives,
      env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 120_000,
    })

  await apt('update') // one mirror of several may fail, and the package still be there
  const { output } = await apt('--simulate', '--no-install-recommends', 'install', name)
  const names = choose(packagesToInstall(output))
  if (!names.includes(name) || (await apt('download', ...names)).code !== 0) return false
  for (const file of (await readdir(archives)).filter((entry) => entry.endsWith('.deb'))) {
    const { code } = await runTool('dpkg-deb', ['-x', join(archives, file), unpacked])
    if (code !== 0) return false
  }
  return true
}

function aptOptions(work) {
  const settings = {
    'Dir::State': work,
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': work,
    'Dir::Cache::archives': join(work, 'archives'),
    'Debug::NoLocking': '1', // the folders are ours alone
    'APT::Sandbox::User': '', // root would otherwise become a user who may not write here
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
  }
  return ['-q', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
}

/** Renaming is atomic. Of two who finish at once the first wins, and the second uses what it finds. */
async function putInPlace(unpacked, folder, program) {
  await mkdir(dirname(folder), { recursive: true })
  try {
    await rename(unpacked, folder)
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    if (await unpackedProgram(folder, program)) return
    // What is there does not run, for example since the system changed below it.
    await rename(folder, `${unpacked}.old`)
    await rename(unpacked, folder)
  }
}

async function libraryFolders(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const libraries = entries.filter((entry) => /\.so(\.|$)/.test(entry.name))
  return [...new Set(libraries.map((entry) => entry.parentPath ?? entry.path))].sort()
}
