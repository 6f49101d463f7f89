/** What it was measured on, and how much of the machine others had meanwhile. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const LIBRARIES = ['bullmq', 'ioredis', 'fastify', 'axios', 'undici']

/** Begins to watch; the function that is answered ends it, and gives the header of the results. It is told the seconds of each workload. */
export async function describeRun({ redis, redisSettings }, options) {
  const startedAt = new Date()
  const loadBefore = os.loadavg()[0]
  const othersUsed = watchOthers()
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1]
  return (secondsOf) => {
    return {
      at: startedAt.toISOString().slice(0, 19),
      seconds: secondsOf,
      commit:
        git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes'),
      options: { workloads: options.names, size: options.size, rounds: options.rounds },
      machine: `${os.cpus().length} cores ${os.cpus()[0]?.model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}`,
      others: `${Math.round(othersUsed() * 100)} % of the machine was used by other programs; load average ${loadBefore.toFixed(1)} at the start`,
      versions: {
        node: process.versions.node,
        redis: version,
        ...Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)])),
      },
      redis: redisSettings,
      apps: 'default log level (info), into a file; no metrics port, but for watching',
    }
  }
}

function machineTicks() {
  const [user, nice, system, idle, iowait, irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  const busy = user + nice + system + irq + softirq
  return { busy, steal, all: busy + idle + iowait + steal }
}

/** Of us and all that we have started, also what has ended. */
function ownTicks() {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readProcess)
  const ours = new Set([process.pid])
  for (let found = 0; found < ours.size;) {
    found = ours.size
    for (const { pid, parent } of processes) if (ours.has(parent)) ours.add(pid)
  }
  return processes.reduce((sum, { pid, ticks }) => sum + (ours.has(pid) ? ticks : 0), 0)
}

function readProcess(name) {
  try {
    const fields = statFields(name)
    const [utime, stime, cutime, cstime] = fields.slice(13, 17).map(Number)
    return [{ pid: Number(name), parent: Number(fields[3]), ticks: utime + stime + cutime + cstime }]
  } catch {
    return [] // it ended meanwhile
  }
}

/** Begins to watch; the function that is answered tells which part of the machine other programs, or other machines, had since then. */
export function watchOthers() {
  const before = { ...machineTicks(), own: ownTicks() }
  return () => {
    const after = { ...machineTicks(), own: ownTicks() }
    const used = after.busy - before.busy - (after.own - before.own) + after.steal - before.steal
    return Math.max(0, used / (after.all - before.all))
  }
}

/** Seconds of CPU that processes have used; by the nanosecond, which an idle one needs. */
export function cpuSeconds(pids) {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`),
  )
  const used = threads.map((thread) => Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ', 1)[0]))
  return used.reduce((sum, nanos) => sum + nanos, 0) / 1e9
}

/** Fields as in proc(5), counted from 0. The second, a name, may hold spaces. */
function statFields(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return ['', '', ...text.slice(text.lastIndexOf(')') + 2).split(' ')]
}

function versionOf(name) {
  const path = require.resolve(name)
  const folder = path.slice(0, path.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}/`.length)
  return JSON.parse(readFileSync(`${folder}package.json`, 'utf8')).version
}

function git(...args) {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return ''
  }
}
