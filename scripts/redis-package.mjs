import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { runTool } from './tool.mjs'

/**
 * The server that an earlier run unpacked into `folder`, if it still runs.
 * @returns `{ kind: 'binary', command, ldLibraryPath }` or undefined.
 */
export async function unpackedRedis(folder) {
  const command = join(folder, 'usr/bin/redis-server')
  if (!existsSync(command)) return undefined
  const ldLibraryPath = (await libraryFolders(folder)).join(delimiter)
  const { code } = await runTool(command, ['--version'], {
    env: { LD_LIBRARY_PATH: ldLibraryPath },
    timeoutMs: 5000,
  })
  return code === 0 ? { kind: 'binary', command, ldLibraryPath } : undefined
}

/**
 * Lets apt fetch Debian's redis-server, and the libraries this system lacks, without root: apt gets folders of its
 * own and checks signatures as usual. Several processes may do this at once: each unpacks apart, and whole.
 */
export async function fetchRedisPackage(folder, onProgress) {
  if (process.platform !== 'linux' || !(await hasApt())) return undefined
  const work = `${folder}.${process.pid}.tmp`
  const startedAt = performance.now()
  onProgress('Fetching a Redis from the system packages into .cache ...')
  try {
    if (!(await unpackPackages(work)) || !(await unpackedRedis(join(work, 'unpacked')))) return undefined
    await putInPlace(join(work, 'unpacked'), folder)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  onProgress(`Fetching a Redis: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  return unpackedRedis(folder)
}

/** The packages to download, from what `apt-get --simulate install` says it would do. */
export function packagesToInstall(simulation) {
  return [...simulation.matchAll(/^Inst (\S+)/gm)].map((match) => match[1])
}

async function hasApt() {
  const checks = await Promise.all(['apt-get', 'dpkg-deb'].map((name) => runTool(name, ['--version'])))
  return checks.every(({ code }) => code === 0)
}

async function unpackPackages(work) {
  const archives = join(work, 'archives')
  const unpacked = join(work, 'unpacked')
  await Promise.all(
    ['lists/partial', 'archives/partial', 'unpacked'].map((name) =>
      mkdir(join(work, name), { recursive: true }),
    ),
  )
  const apt = (...args) =>
    runTool('apt-get', [...aptOptions(work), ...args], {
      cwd: archives,
      env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 120_000,
    })

  await apt('update') // one mirror of several may fail, and the package still be there
  const { output } = await apt('--simulate', '--no-install-recommends', 'install', 'redis-server')
  // The program itself is in redis-tools, which the simulation leaves out where that is installed already.
  const names = [...new Set([...packagesToInstall(output), 'redis-tools'])]
  if (!names.includes('redis-server') || (await apt('download', ...names)).code !== 0) return false
  for (const file of (await readdir(archives)).filter((name) => name.endsWith('.deb'))) {
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
async function putInPlace(unpacked, folder) {
  await mkdir(dirname(folder), { recursive: true })
  try {
    await rename(unpacked, folder)
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    if (await unpackedRedis(folder)) return
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
