/** What operators see of alerts, and the way in docs/alerts.md to check that one is ours. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createAudit, Secret } from '@relais/core'
import { eventually, startReceiver } from '@relais/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { apiFixture, ENCRYPTION_KEY, OPS_KEY } from './api-fixture.ts'

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const receiver = await startReceiver()
afterAll(() => receiver.close())

const posting = apiFixture({
  ALERT_WEBHOOK_URL: `${receiver.url}/hidden-path`,
  ALERT_WEBHOOK_SECRET: SECRET,
  ALERT_FIRE_AFTER_SECONDS: '0',
})
const silent = apiFixture()

const headers = { authorization: `Bearer ${OPS_KEY}` }
const listOf = ({ inject }: typeof posting) => inject({ url: '/api/admin/alerts', headers })
const testOf = ({ inject }: typeof posting) =>
  inject({ method: 'POST', url: '/api/admin/alerts/test', headers })

describe('alerts', () => {
  it('are listed with what is wrong since when, and what to do', async () => {
    const answer = await eventually(
      () => listOf(posting),
      (each) => each.json<{ firing: unknown[] }>().firing.length > 0,
      { what: 'an alert' },
    )
    const { firing, isPosted } = answer.json<{ firing: { id: string }[]; isPosted: boolean }>()
    expect(isPosted).toBe(true)
    expect(firing.find(({ id }) => id === 'sender_unset')).toEqual({
      id: 'sender_unset',
      severity: 'critical',
      what: expect.stringContaining('WHATSAPP_PHONE_NUMBER_ID'),
      remedy: expect.any(String),
      since: expect.stringMatching(/Z$/),
      toldAt: expect.stringMatching(/Z$/),
      isClearing: false,
    })
    expect(answer.headers['cache-control']).toContain('no-store')
    expect((await listOf(silent)).json()).toMatchObject({ isPosted: false })
  })

  it('are tried, and the operator is told whether the receiver took the test', async () => {
    receiver.answer(200)
    const taken = await testOf(posting)
    expect([taken.statusCode, taken.json()]).toEqual([200, { delivered: true, statusCode: 200 }])
    receiver.answer(403)
    const refused = await testOf(posting)
    expect(refused.statusCode).toBe(502)
    expect(refused.json()).toMatchObject({
      code: 'alert_undelivered',
      detail: expect.stringContaining('it answered with 403'),
    })
    expect(refused.body).not.toMatch(/hidden-path|127\.0\.0\.1/)
    const nobody = await testOf(silent)
    expect([nobody.statusCode, nobody.json<{ code: string }>().code]).toEqual([409, 'alerts_not_configured'])
  })

  it('that are tried are audited', async () => {
    const { redis } = posting.inside()
    const audit = createAudit({
      redis,
      keys: posting.keys,
      encryptionKeys: [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }],
      keptDays: 1,
    })
    await testOf(posting)
    await expect
      .poll(async () => (await audit.latest(20)).filter(({ action }) => action === 'alerts.tested'))
      .toContainEqual(expect.objectContaining({ actor: 'operator:awa' }))
  })

  it('are logged without the URL and the secret', async () => {
    receiver.answer(500)
    await eventually(posting.logged, (text) => text.includes('alert.firing'))
    expect(posting.logged()).not.toMatch(/hidden-path/)
    expect(posting.logged()).not.toContain(SECRET.slice(6))
  })

  it('are known as ours by the lines in docs/alerts.md', async () => {
    const page = await readFile('docs/alerts.md', 'utf8')
    const [, source = ''] = /```js\nimport [^\n]*\n\nexport (function [\s\S]*?)```/.exec(page) ?? []
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
    const isFromRelais = new Function('createHmac', 'timingSafeEqual', `return ${source}`)(
      createHmac,
      timingSafeEqual,
    ) as (headers: object, body: string, secret: string) => boolean
    await testOf(posting)
    const last = receiver.received().at(-1)
    const [given, body] = [last?.headers ?? {}, last?.body ?? '']
    expect(isFromRelais(given, body, SECRET)).toBe(true)
    expect(isFromRelais(given, `${body} `, SECRET)).toBe(false)
    expect(isFromRelais(given, body, `whsec_${randomBytes(32).toString('base64')}`)).toBe(false)
    const old = { ...given, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 301) }
    expect(isFromRelais(old, body, SECRET)).toBe(false)
    expect(isFromRelais({}, body, SECRET)).toBe(false)
  })
})
