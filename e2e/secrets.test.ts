/** One run through every path, then a search for its secrets in all that was written anywhere. */
import { eventually, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { it, type TestContext } from 'vitest'
import { startSystem, type System } from './system.ts'

/** Everything Redis holds, as text: keys and values of every kind. */
async function dump(url: string): Promise<string> {
  const redis = new Redis(url)
  try {
    const parts: string[] = []
    for (const key of await redis.keys('*')) {
      // What expires meanwhile is gone, and with it what it held.
      const bytes = (await redis.dumpBuffer(key)) as Buffer | null
      parts.push(key, bytes?.toString('latin1') ?? '', JSON.stringify(await valueOf(redis, key)))
    }
    return parts.join('\n')
  } finally {
    redis.disconnect()
  }
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key)
    case 'hash':
      return redis.hgetall(key)
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, '0', '-1')
    default:
      return redis.xrange(key, '-', '+')
  }
}

/** Sends through every outcome there is; gives the codes used. */
async function exerciseEverything(t: TestContext, system: System): Promise<string[]> {
  const codes: string[] = []
  const send = (ending: string) => {
    const code = `Zq${codes.length}x${ending}Kv`
    codes.push(code)
    return system.send(`+22177123${ending}`, code)
  }
  const delivered = await send('4567')
  await system.reaches(delivered, ['delivered'])
  const fallen = await Promise.all(['0026', '0030', '0100', '0500'].map(send))
  for (const id of fallen) await system.reaches(id, ['fallback'])
  await system.operate('GET', '/api/fallback')
  for (const [index, id] of [...fallen, delivered].entries()) {
    const reveal = () =>
      system.operate('POST', `/api/fallback/${id}/reveal`, { reason: `they say ${codes[index + 1]}` })
    if (id !== delivered) t.expect((await reveal()).body['code']).toBe(codes[index + 1])
    t.expect((await reveal()).body).not.toHaveProperty('to')
  }
  await system.tells(await send('0998'), 'ECONNRESET')
  await system.tells(await send('0056'), '131056')
  // These two pause the template and the sender for a while.
  for (const ending of ['0130', '0368']) await system.reaches(await send(ending), ['fallback'])
  await system.operate('POST', '/api/wallet/refresh-whatsapp-token')
  await system.operate('POST', '/api/wallet/update-whatsapp-token', {
    accessToken: 'EAAcandidate77',
    appSecret: 'candidateSecret77',
  })
  await system.operate('GET', '/api/wallet/whatsapp-status')
  const bad = `Zq${codes.length}xbadKv`
  codes.push(bad)
  await system.post({ to: 'no number', type: 'otp', code: bad })
  await system.post({ to: '+221771234567', type: 'otp', code: [bad], [bad]: bad })
  await fetch(
    `${system.apiUrl}/api/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=${system.secrets.verifyToken}`,
  )
  system.simulator.revokeToken(system.secrets.accessToken)
  await send('4568')
  await eventually(
    () => system.operate('GET', '/api/wallet/whatsapp-status'),
    ({ body }) => body['mode'] !== undefined,
  )
  return codes
}

it(
  'no code, token, secret or key is in any log line, metric or Redis value',
  { timeout: 90_000 },
  async (t) => {
    const redis = await startRedis()
    t.onTestFinished(() => redis.stop())
    const system = await startSystem(t, { redisUrl: redis.url, env: { LOG_LEVEL: 'trace' } })
    const codes = await exerciseEverything(t, system)
    const { secrets } = system
    const hidden = [...codes, ...Object.values(secrets), 'EAAcandidate77', 'candidateSecret77']
    const wholeNumber = '+221771234567'

    const stored = await dump(redis.url)
    t.expect(stored).toContain('wallet')
    for (const secret of hidden) t.expect(stored.includes(secret), `Redis holds ${secret}`).toBe(false)

    const lines = system.output().filter((line) => !line.startsWith('{"event":"message.fallback"'))
    t.expect(lines.length).toBeGreaterThan(20)
    for (const secret of [...hidden, wholeNumber]) {
      t.expect(lines.filter((line) => line.includes(secret))).toEqual([])
    }
    // The search can fail: the codes that fell back are found where they belong.
    const records = system.events('message.fallback').map(({ code }) => code)
    t.expect(records).toContain('Zq2x0030Kv')
  },
)
