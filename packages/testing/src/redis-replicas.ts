import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { openLink } from './link.ts'
import { ask, field } from './redis-admin.ts'
import { endProcess, launch, startRedisProcess } from './redis-process.ts'
import type { RedisServer } from './redis-server.ts'
import { serverCommand } from './redis.ts'

/** A primary and one replica, watched by three sentinels that agree by two. */
export interface Replicas {
  /** `host:port,host:port,host:port`. */
  readonly sentinels: string
  /** The name the sentinels know the primary by. */
  readonly name: string
  /** The primary, as the sentinels say. */
  primary(): Promise<RedisServer>
  /** The other one, running or not. */
  replica(): Promise<RedisServer>
  /** Waits until another than `old` is primary and takes writes. */
  promoted(old: RedisServer): Promise<RedisServer>
  /** Waits until the replica follows the primary, with nothing missing. */
  inStep(): Promise<void>
  /**
   * From now on the replica is behind by so much, and what is on its way is lost with the primary. For less than 10 s: then
   * the sentinels set the replica right.
   */
  lag(ms: number): Promise<void>
  /** Ends all of it for good. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const NAME = 'relais'

/** A failover that failed is tried again after twice this. */
const FAILOVER_TIMEOUT_MS = 10_000

/**
 * Starts a primary, a replica and three sentinels as processes of this machine.
 * @param options.silenceMs a primary that is silent for so long is held for dead. On a crowded machine the living are silent too
 */
export async function startReplicas({ persistent = false, silenceMs = 3000 } = {}): Promise<Replicas> {
  const command = serverCommand()
  const closers: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closers.splice(0).toReversed()) await close()
  }
  // A replica that has just come takes the data at once, and a primary that comes back is told its place within seconds.
  const args = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
  const start = async (more: string[] = []) => {
    const server = await startRedisProcess(command, { persistent, args: [...args, ...more] })
    closers.push(server.stop)
    return server
  }

  try {
    const first = await start()
    const link = await openLink(first.port)
    closers.push(link.close)
    const second = await start(['--replicaof', '127.0.0.1', String(first.port)])
    const servers = [first, second]
    await inStep(first, second)
    const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(command, first.port, silenceMs)))
    for (const sentinel of sentinels) closers.push(sentinel.stop)
    await Promise.all(sentinels.map(({ port }) => knowsAll(port)))

    const agreed = async (holds: (server: RedisServer) => boolean) => {
      const named = async () => {
        const port = await primaryPort(sentinels.map((sentinel) => sentinel.port))
        return servers.find((server) => server.port === port)
      }
      const isIt = (server: RedisServer | undefined) => server !== undefined && holds(server)
      const what = 'a primary that most sentinels agree on'
      return (await eventually(named, isIt, { timeoutMs: 60_000, what })) as RedisServer
    }
    const primary = () => agreed(() => true)
    const replica = async () => {
      const named = await primary()
      return named === first ? second : first
    }

    return {
      sentinels: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(','),
      name: NAME,
      primary,
      replica,
      async promoted(old) {
        const next = await agreed((server) => server !== old)
        await eventually(
          () => ask(next.port, (redis) => redis.info('replication')).catch(() => ''),
          (info) => field(info, 'role') === 'master',
          { what: 'a primary that takes writes' },
        )
        return next
      },
      inStep: async () => inStep(await primary(), await replica()),
      async lag(ms) {
        const [from, to] = [await primary(), await replica()]
        link.restore()
        link.retarget(from.port)
        await ask(to.port, (redis) => redis.replicaof('127.0.0.1', link.port))
        await inStep(from, to)
        link.delay(ms)
      },
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function inStep(primary: RedisServer, replica: RedisServer): Promise<void> {
  await eventually(
    async () => {
      const [from, to] = await Promise.all(
        [primary, replica].map(({ port }) => ask(port, (redis) => redis.info('replication')).catch(() => '')),
      )
      const isUp = field(to ?? '', 'role') === 'slave' && field(to ?? '', 'master_link_status') === 'up'
      return isUp && field(to ?? '', 'slave_repl_offset') === field(from ?? '', 'master_repl_offset')
    },
    (isInStep) => isInStep,
    { timeoutMs: 30_000, what: 'a replica in step' },
  )
}

async function startSentinel(command: string, primaryPort: number, silenceMs: number) {
  const dir = await mkdtemp(join(tmpdir(), 'relais-sentinel-'))
  const port = await freePort()
  const file = join(dir, 'sentinel.conf')
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      'protected-mode no',
      `dir ${dir}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
      `sentinel down-after-milliseconds ${NAME} ${silenceMs}`,
      `sentinel failover-timeout ${NAME} ${FAILOVER_TIMEOUT_MS}`,
    ].join('\n'),
  )
  const child: ChildProcess = await launch(command, [file, '--sentinel'], port)
  return {
    port,
    async stop() {
      await endProcess(child, 'SIGKILL')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Waits until a sentinel knows the two others and the replica: before that it could not fail over. */
async function knowsAll(port: number): Promise<void> {
  await eventually(
    async () => {
      const told = (await ask(port, (redis) => redis.call('SENTINEL', 'MASTER', NAME))) as
        string[] | Record<string, string>
      const says = (name: string) => (Array.isArray(told) ? told[told.indexOf(name) + 1] : told[name])
      return [says('num-slaves'), says('num-other-sentinels'), says('flags')].join(' ')
    },
    (known) => known === '1 2 master',
    { timeoutMs: 30_000, everyMs: 50, what: 'a sentinel that knows the replica and the two others' },
  )
}

/** What most of the sentinels say, if they agree. One that has not heard of a failover yet is alone with its opinion. */
async function primaryPort(ports: number[]): Promise<number | undefined> {
  const answers = await Promise.all(
    ports.map((port) =>
      ask(port, (redis) => redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)).then(
        (address) => Number((address as [string, string])[1]),
        () => undefined,
      ),
    ),
  )
  return answers.find((one) => one !== undefined && answers.filter((other) => other === one).length >= 2)
}
