import { Redis } from 'ioredis'

/** Asks one server one thing, on a connection of its own. */
export async function ask<Answer>(port: number, about: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis(port, '127.0.0.1', {
    enableReadyCheck: false,
    connectTimeout: 5000,
    commandTimeout: 5000,
    retryStrategy: () => null,
  })
  redis.on('error', () => {}) // the command says it
  try {
    return await about(redis)
  } finally {
    redis.disconnect()
  }
}

/** A field of what INFO or CLUSTER INFO answers. */
export function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
}
