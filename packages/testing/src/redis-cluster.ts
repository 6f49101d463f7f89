import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { ask, field } from './redis-admin.ts'
import { startRedisProcess } from './redis-process.ts'
import type { RedisServer } from './redis-server.ts'
import { serverCommand } from './redis.ts'

/** Three primaries, and a replica of one of them. */
export interface RedisCluster {
  /** `host:port,...` of all. */
  readonly nodes: string
  /** The primary of the slot the tag is in, as most of the others say. */
  primary(): Promise<RedisServer>
  /** Waits until another than `old` is that primary and the cluster serves the slot. */
  promoted(old: RedisServer): Promise<RedisServer>
  /** Ends all of it for good. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const SLOTS = 16_384

/** The bus of a node listens so much above its port. */
const BUS_OFFSET = 10_000

/**
 * Starts a cluster as processes of this machine.
 * @param tag the hash tag, without braces, whose slot's primary has the replica
 * @param options.silenceMs a node that is silent for so long is held for dead. On a crowded machine the living are silent too
 */
export async function startCluster(
  tag: string,
  { persistent = false, silenceMs = 3000 } = {},
): Promise<RedisCluster> {
  const command = serverCommand()
  const servers: RedisServer[] = []
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  const args = Object.entries({
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(silenceMs),
    'cluster-require-full-coverage': 'no',
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
  }).flatMap(([name, value]) => [`--${name}`, value])
  /** Between asking for free ports and using them another process may take one: then ask again. */
  const startNode = async (triesLeft = 2): Promise<RedisServer> => {
    const port = await freePortWithBus()
    return startRedisProcess(command, { persistent, args, port }).catch((error: unknown) => {
      if (triesLeft === 0) throw error
      return startNode(triesLeft - 1)
    })
  }
  try {
    for (const _ of [1, 2, 3, 4]) {
      servers.push(await startNode())
    }
    const slot = await ask(servers[0]?.port ?? 0, (redis) => redis.cluster('KEYSLOT', tag))
    await join(servers, slot)
    const others = (not: RedisServer) => servers.filter((server) => server !== not)

    /** Asked of those that live; `old` may be dead, frozen, or of an opinion of its own. */
    const primary = async (old?: RedisServer) => {
      const said = await Promise.all(
        (old ? others(old) : servers).map(({ port }) => ownerOf(port, slot).catch(() => undefined)),
      )
      const port = said.find((each) => each !== undefined && said.filter((one) => one === each).length >= 2)
      return servers.find((server) => server.port === port)
    }

    const agreed = async (holds: (server: RedisServer) => boolean, old?: RedisServer) => {
      const what = 'a primary that most nodes agree on'
      const isIt = (server: RedisServer | undefined) => server !== undefined && holds(server)
      return (await eventually(() => primary(old), isIt, { timeoutMs: 60_000, what })) as RedisServer
    }

    return {
      nodes: servers.map(({ port }) => `127.0.0.1:${port}`).join(','),
      primary: () => agreed(() => true),
      promoted: (old) => agreed((server) => server !== old, old),
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The first three share the slots, and the fourth copies the one that has `slot`. */
async function join(servers: RedisServer[], slot: number): Promise<void> {
  const [first, ...rest] = servers as [RedisServer, ...RedisServer[]]
  const share = Math.ceil(SLOTS / 3)
  for (const [i, { port }] of servers.slice(0, 3).entries()) {
    const slots = Array.from({ length: Math.min(share, SLOTS - i * share) }, (_, k) => i * share + k)
    await ask(port, (redis) => redis.cluster('ADDSLOTS', ...slots))
    // Nodes that begin with the same epoch take seconds to agree.
    await ask(port, (redis) => redis.cluster('SET-CONFIG-EPOCH', i + 1))
  }
  for (const { port } of rest) await ask(first.port, (redis) => redis.cluster('MEET', '127.0.0.1', port))
  await Promise.all(servers.map((server) => says(server, 'cluster_known_nodes', '4')))

  const [owner, copy] = [servers[Math.floor(slot / share)], servers[3]]
  const id = await ask(owner?.port ?? 0, (redis) => redis.cluster('MYID'))
  // Refused until word of that primary has come round.
  await eventually(
    () => ask(copy?.port ?? 0, (redis) => redis.cluster('REPLICATE', id)).catch(String),
    (answer) => answer === 'OK',
  )
  await Promise.all(servers.map((server) => says(server, 'cluster_state', 'ok')))
  await eventually(
    () => ask(copy?.port ?? 0, (redis) => redis.info('replication')),
    (info) => field(info, 'master_link_status') === 'up',
    { what: 'a replica in step' },
  )
  // The others must know that it is a replica of it, or they would not let it take over.
  await Promise.all(
    servers.slice(0, 3).map(({ port }) =>
      eventually(
        () => ask(port, (redis) => redis.cluster('NODES')) as Promise<string>,
        (nodes) => nodes.split('\n').some((line) => line.includes('slave') && line.includes(id)),
        { what: 'word of the replica' },
      ),
    ),
  )
}

async function says(server: RedisServer, name: string, value: string): Promise<void> {
  await eventually(
    () => ask(server.port, (redis) => redis.cluster('INFO')),
    (info) => field(info, name) === value,
    { timeoutMs: 30_000, what: `${name} ${value}` },
  )
}

/** The port of the primary that has the slot, by what one node says. */
async function ownerOf(port: number, slot: number): Promise<number | undefined> {
  const ranges = await ask(port, (redis) => redis.cluster('SLOTS'))
  const [, , owner] = ranges.find(([from, to]) => from <= slot && slot <= to) ?? []
  return owner && Number(owner[1])
}

async function freePortWithBus(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port + BUS_OFFSET <= 65_535) return port
  }
}
