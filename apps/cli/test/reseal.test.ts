import { randomBytes } from 'node:crypto'
import { createKeys, createSealer, sealContent, Secret } from '@relais/core'
import { sharedRedisUrl } from '@relais/testing'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { toolFixture } from './tool-fixture.ts'

/** A Redis with two codes under the key `old`, and the tool with another before that. */
async function resealFixture() {
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
  const tool = toolFixture({ ENCRYPTION_KEYS: `fresh:${fresh},old:${old}` })
  const keys = createKeys(tool.environment['QUEUE_PREFIX'] ?? '')
  const redis = new Redis(sharedRedisUrl())
  onTestFinished(() => redis.disconnect())
  const sealer = createSealer([{ id: 'old', key: new Secret(old) }])
  for (const id of ['msg_1', 'msg_2'])
    await redis.set(keys.content(id), sealContent(sealer, id, { type: 'otp', code: '482913' }), 'EX', 60)
  return { tool, keys, redis }
}

it('seals anew, says what is left under which key, and is audited', async () => {
  const { tool, redis, keys } = await resealFixture()
  const before = await redis.get(keys.content('msg_1'))
  const look = await tool.json('reseal', '--dry-run')
  expect(look).toMatchObject({ code: 1, body: { isDryRun: true, resealed: 0, left: 2 } })
  expect(await redis.get(keys.content('msg_1'))).toBe(before)
  expect((await tool.run('reseal', '--dry-run')).output).toMatch(
    /Nothing was changed\.\n {2}fresh +seals +nothing\n {2}old +opens +2 message contents\n/,
  )
  expect((await tool.run('audit', 'list')).output).toBe('')

  expect((await tool.run('reseal')).output).toMatch(
    /^2 sealed anew under fresh\.\n {2}fresh +seals +2 message contents\n {2}old +opens +nothing\nNothing is left/,
  )
  expect(await tool.json('reseal')).toMatchObject({
    code: 0,
    body: {
      isDryRun: false,
      resealed: 0,
      left: 0,
      keys: [
        { key: 'fresh', isFirst: true, isKnown: true, left: { 'message contents': 2 }, total: 2 },
        { key: 'old', isKnown: true, left: {}, total: 0 },
      ],
    },
  })
  const audit = JSON.parse((await tool.run('audit', 'list', '--json')).output) as object[]
  expect(audit).toMatchObject([
    { action: 'secrets.resealed', actor: 'cli:awa', subject: 'fresh', detail: { resealed: 0, left: 0 } },
    { action: 'secrets.resealed', detail: { resealed: 2, left: 0 } },
  ])
})

it('says what is under a key that it does not have', async () => {
  const { tool, redis, keys } = await resealFixture()
  await redis.set(keys.content('msg_3'), 'v1.lost.AAAA.AAAA', 'EX', 60)
  const { code, output } = await tool.run('reseal')
  expect(code).toBe(1)
  expect(output).toMatch(/lost +NOT IN ENCRYPTION_KEYS 1 message contents\n.*another key than the first/)
})
