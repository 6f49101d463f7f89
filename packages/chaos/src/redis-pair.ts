/** A Redis and its replica, both with an append-only file, which can change places. */
import { openLink, startRedis, type Link, type RedisServer } from '@relais/testing'
import { Redis } from 'ioredis'
import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** The replica gets so long to catch up before a failover that waits for it is given up. */
const CATCH_UP_MS = 30_000

/** @param folder an empty one of their own */
export async function startRedisPair({ folder, withReplica }: { folder: string; withReplica: boolean }) {
  const start = async (name: string) => {
    const dir = join(folder, name)
    await mkdir(dir)
    return startRedis({ persistent: true, dir })
  }
  let primary = await start('redis-a')
  let replica = withReplica ? await start('redis-b') : undefined
  const toReplica = await openLink(primary.port)
  const links = new Set<Link>()
  let last: Promise<unknown> = Promise.resolve()
  if (replica) await follow(replica)

  return {
    /** A link that leads to whichever is the primary. */
    async link(): Promise<Link> {
      const link = await openLink(primary.port)
      links.add(link)
      return link
    },
    /** The one between the two. */
    toReplica,
    freezeFor: (ms: number) => alone(() => freezeFor(ms)),
    killFor: (ms: number) => alone(() => killFor(ms)),
    failOver: (awayMs: number) => alone(() => failOver(awayMs)),
    /** The process ids of those that answer. */
    async pids(): Promise<Record<string, number>> {
      const pid = async ({ port }: RedisServer) => Number(await fact(port, 'server', 'process_id'))
      const found = await Promise.all([pid(primary), replica && pid(replica)]).catch(() => [])
      return { ...(found[0] && { primary: found[0] }), ...(found[1] && { replica: found[1] }) }
    },
    async close(): Promise<void> {
      await Promise.all([toReplica, ...links].map((link) => link.close()))
      await Promise.all([primary.stop(), replica?.stop()])
    },
  }

  /** One trouble after the other: a failover may have to wait for the replica, for longer than was planned. */
  function alone<Result>(trouble: () => Promise<Result>): Promise<Result> {
    const done = last.then(trouble)
    last = done.catch(() => undefined)
    return done
  }

  async function freezeFor(ms: number): Promise<void> {
    await primary.freeze()
    await sleep(ms)
    await primary.thaw()
  }

  /** It comes back from its file. */
  async function killFor(ms: number): Promise<void> {
    await primary.kill()
    await sleep(ms)
    await primary.restart()
  }

  /**
   * The primary is killed, the replica takes its place and all links lead there; after `awayMs` the old one is back as the replica.
   * False: the replica did not catch up in time, and nothing was done.
   */
  async function failOver(awayMs: number): Promise<boolean> {
    const [old, next] = [primary, replica]
    if (!next) throw new Error('a failover needs a replica')
    if (!(await hasCaughtUp(next))) return false
    await old.kill()
    await command(next.port, 'REPLICAOF', 'NO', 'ONE')
    primary = next
    replica = old
    for (const link of links) link.retarget(next.port)
    toReplica.retarget(next.port)
    await sleep(awayMs)
    await old.restart()
    await follow(old)
    return true
  }

  function follow(server: RedisServer): Promise<unknown> {
    return command(server.port, 'REPLICAOF', '127.0.0.1', String(toReplica.port))
  }

  async function hasCaughtUp(server: RedisServer): Promise<boolean> {
    for (const until = Date.now() + CATCH_UP_MS; Date.now() < until; await sleep(50)) {
      const written = Number(await fact(primary.port, 'replication', 'master_repl_offset'))
      const isUp = (await fact(server.port, 'replication', 'master_link_status')) === 'up'
      if (isUp && Number(await fact(server.port, 'replication', 'slave_repl_offset')) >= written) return true
    }
    return false
  }
}

/** One line of `INFO`. */
async function fact(port: number, section: string, name: string): Promise<string | undefined> {
  const info = String(await command(port, 'INFO', section))
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
}

/** On a connection of its own: the servers come and go. */
async function command(port: number, name: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis(port, '127.0.0.1', {
    replyMapping: 'legacy',
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: 2000,
    commandTimeout: 5000,
    retryStrategy: () => null,
  })
  redis.on('error', () => undefined) // the command rejects as well
  try {
    await redis.connect()
    return await redis.call(name, ...args)
  } finally {
    redis.disconnect()
  }
}
