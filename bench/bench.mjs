/** What all workloads share: one Redis, one instant Meta, and the ways to start what is compared on them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { eventually, freePort, startNode, startRedis } from '@relais/testing'
import { createBareStarter } from './systems/bare.mjs'
import { createRelaisStarter } from './systems/relais.mjs'

const DATABASES = 64

/** As in production, but for the rewriting of the file, which would hit now this round and now that one. */
const REDIS_ARGS = [
  '--databases',
  String(DATABASES),
  '--appendfsync',
  'everysec',
  '--auto-aof-rewrite-percentage',
  '0',
]
const REDIS_SETTINGS = 'append-only file, fsync every second, no rewrite, noeviction'

const COME_WITHIN_MS = 300_000

/** Starts what is shared. `close` ends every process. */
export async function openBench({ size, rounds, quiet, profile }) {
  const dir = await mkdtemp(join(tmpdir(), 'relais-bench-'))
  const server = await startRedis({ persistent: true, dir, args: REDIS_ARGS })
  const redis = new Redis(server.url, { commandTimeout: 120_000 })
  const meta = await startServer('meta')
  const generator = await startServer('load')
  const metaPort = meta.port
  const running = new Set()
  const shared = {
    dir,
    redisUrl: server.url,
    metaPort,
    profile,
    running,
    openDatabase,
  }
  let nextDb = 0
  let nextIndex = 0

  return {
    redis,
    redisSettings: REDIS_SETTINGS,
    metaPort,
    /** For `measureRounds`. */
    how: { rounds, quiet },
    startRelais: createRelaisStarter(shared),
    startBare: createBareStarter(shared),
    tellMeta: (how) => askMeta('begin', how),
    askMeta,
    haveCome,
    load,
    takeIndexes,
    /** One more of bench/processes: { port, kill() }. */
    startServer,

    /** The value for a run of this size; where there is none it is as usual. */
    pick: (values) => values[size] ?? values.usual,

    endSystems,

    async close() {
      await endSystems()
      await Promise.all([meta, generator].map((each) => each.kill()))
      redis.disconnect()
      await server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }

  /** What a workload that failed has left. */
  async function endSystems() {
    await Promise.allSettled([...running].map((system) => system.stop()))
  }

  /** Each system has a database for itself: so it can be emptied without the others, and told from them. */
  function openDatabase() {
    nextDb += 1
    if (nextDb >= DATABASES) throw new Error(`there are only ${DATABASES} databases`)
    return { db: nextDb, redis: redis.duplicate({ db: nextDb }) }
  }

  /** Indexes of messages that were not used before. Answers the first. */
  function takeIndexes(count) {
    const from = nextIndex
    nextIndex += count
    return from
  }

  /** Makes the load of a plan (see processes/load.mjs). @throws Error when it is not answered as it should be */
  async function load(plan) {
    const response = await fetch(`http://127.0.0.1:${generator.port}`, {
      method: 'POST',
      body: JSON.stringify(plan),
    })
    const result = await response.json()
    if (!response.ok) throw new Error(`the load failed: ${result.error}`)
    // A crowded machine makes for 503; anything else is a fault of ours.
    const strange = Object.keys(result.statuses).filter((status) => !['200', '202', '503'].includes(status))
    if (strange.length > 0) throw new Error(`the load was answered ${JSON.stringify(result.statuses)}`)
    return result
  }

  /** Waits until Meta, since it was told how to behave, has so many messages. */
  async function haveCome(count) {
    const hasThem = ({ taken }) => taken >= count
    const what = `${count} messages at Meta`
    await eventually(() => askMeta('taken'), hasThem, { timeoutMs: COME_WITHIN_MS, everyMs: 50, what })
  }

  async function askMeta(what, how = {}) {
    const answer = await fetch(`http://127.0.0.1:${metaPort}/control/${what}`, {
      method: 'POST',
      body: JSON.stringify(how),
    })
    return answer.json()
  }
}

async function startServer(name) {
  const port = await freePort()
  const server = startNode(`bench/processes/${name}.mjs`, { PORT: String(port) })
  await server.waitForLine((line) => line === 'ready')
  return { port, kill: () => server.kill() }
}
