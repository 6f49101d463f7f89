import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { freePort } from './free-port.ts'
import { whenReady } from './redis-ready.ts'
import type { RedisOptions, RedisServer } from './redis-server.ts'

const insidePort = 6379

/** Starts RELAIS_TEST_REDIS_IMAGE (default redis:7-alpine). The host's port is fixed, so a restart keeps the address. */
export async function startRedisContainer(options: RedisOptions): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const started = await new GenericContainer(process.env['RELAIS_TEST_REDIS_IMAGE'] || 'redis:7-alpine')
    .withExposedPorts({ container: insidePort, host: port })
    .withCommand(serverCommand(options))
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
  const host = started.getHost()
  const runtime = await getContainerRuntimeClient()
  const container = runtime.container.getById(started.getId())
  let isGone = false

  async function stop(): Promise<void> {
    if (isGone) return
    isGone = true
    await container.remove({ force: true, v: true })
  }

  const server: RedisServer = {
    url: `redis://${host}:${port}`,
    port,
    stop,
    kill: async () => void (await container.kill()),
    async restart() {
      await container.restart({ t: 5 })
      await whenReady(`redis://${host}:${port}`)
    },
    freeze: async () => void (await container.pause()),
    thaw: async () => void (await container.unpause()),
    [Symbol.asyncDispose]: stop,
  }
  await whenReady(`redis://${host}:${port}`).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return server
}

function serverCommand({ persistent, args = [] }: RedisOptions): string[] {
  const durability = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  return ['redis-server', '--maxmemory-policy', 'noeviction', '--save', '', ...durability, ...args]
}
