/** Supabase's hook at the edge: who is believed, what becomes of what it asks for. Signed by the library of Standard Webhooks. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { apiFixture } from './api-fixture.ts'

const secret = () => `whsec_${randomBytes(32).toString('base64')}`
const SECRET = secret()
const NEXT_SECRET = secret()
const SHOP_SECRET = secret()

const fixture = apiFixture({
  SUPABASE_HOOK_SECRETS: `wallet=v1,${SECRET} wallet=v1,${NEXT_SECRET} shop=v1,${SHOP_SECRET}`,
  APP_COUNTRIES: 'shop:CI',
  RECIPIENT_COOLDOWN_SECONDS: '60',
})
const { inject } = fixture

const userOf = (phone: string) => ({
  user: {
    id: randomUUID(),
    aud: 'authenticated',
    phone,
    app_metadata: { providers: ['phone'] },
    identities: [],
  },
  sms: { otp: '561166' },
})

/** What the hook sends, signed. `changed`: the body that arrives in place of what was signed. */
function send(
  body: unknown,
  {
    app = 'wallet',
    by = SECRET,
    at = new Date(),
    changed,
    headers = {},
  }: { app?: string; by?: string; at?: Date; changed?: string; headers?: Record<string, string> } = {},
) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body)
  const id = randomUUID()
  return inject({
    method: 'POST',
    url: `/api/integrations/supabase/${app}`,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(by).sign(id, at, payload),
      ...headers,
    },
    payload: changed ?? payload,
  })
}

/** The messages that wait. */
async function waiting() {
  const { queue, store } = fixture.inside()
  const jobs = await queue.getJobs(['wait', 'prioritized', 'delayed', 'active'])
  return Promise.all(jobs.map(async ({ data }) => store.read(data.messageId)))
}

const sentTo = async (to: string) => (await waiting()).filter((message) => message?.to === to)

describe("Supabase's send-SMS hook", () => {
  it.each([
    ['without its plus', '221771234501', '+221771234501'],
    ['with it', '+221771234502', '+221771234502'],
  ])('makes a code of its app for a number %s', async (_how, phone, to) => {
    const answer = await send(userOf(phone))
    expect([answer.statusCode, answer.json()]).toEqual([200, {}])
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(await sentTo(to)).toMatchObject([
      { app: 'wallet', type: 'otp', template: 'otp_login', language: 'fr', status: 'queued' },
    ])
  })

  it.each([
    ['changes it', '221771234511'],
    ['has none yet', ''],
  ])('goes to the number that the code is for when the user %s', async (_how, phone) => {
    const to = `+2217712345${phone === '' ? '13' : '12'}`
    const body = userOf(phone)
    expect((await send({ ...body, sms: { ...body.sms, phone: to.slice(1) } })).json()).toEqual({})
    expect(await sentTo(to)).toHaveLength(1)
    expect(await sentTo(`+${phone}`)).toEqual([])
  })

  it('is believed with either of two secrets, and with two signatures as Supabase joins them', async () => {
    expect((await send(userOf('221771234503'), { by: NEXT_SECRET })).statusCode).toBe(200)
    const [id, at] = [randomUUID(), new Date()]
    const payload = JSON.stringify(userOf('221771234504'))
    const signatures = [secret(), SECRET].map((by) => new Webhook(by).sign(id, at, payload))
    const headers = { 'webhook-id': id, 'webhook-signature': signatures.join(', ') }
    expect((await send(payload, { at, headers })).json()).toEqual({})
  })

  it('sends one message for one body, whatever it is called: Supabase names each try anew', async () => {
    const body = userOf('221771234505')
    const answers = [await send(body), await send(body)]
    expect(answers.map((answer) => answer.json<object>())).toEqual([{}, {}])
    expect(await sentTo('+221771234505')).toHaveLength(1)
  })

  it.each<[string, Parameters<typeof send>[1]]>([
    ['signed with another secret', { by: secret() }],
    ["signed with another app's", { by: SHOP_SECRET }],
    ['for an app without a hook', { app: 'nobody' }],
    ['from more than five minutes ago', { at: new Date(Date.now() - 301_000) }],
    ['from more than five minutes ahead', { at: new Date(Date.now() + 302_000) }],
    ['that was changed on the way', { changed: JSON.stringify(userOf('221771234599')) }],
    ['with another id', { headers: { 'webhook-id': 'another' } }],
    ['at another time', { headers: { 'webhook-timestamp': '1' } }],
    ['without a signature', { headers: { 'webhook-signature': '' } }],
    ['with a signature of another kind', { headers: { 'webhook-signature': 'v1a,AAAA' } }],
    ['with a signature that is cut', { headers: { 'webhook-signature': 'v1,AAAA' } }],
  ])('refuses a request %s, and stores nothing', async (_what, how) => {
    const before = (await waiting()).length
    const answer = await send(userOf('221771234506'), how)
    expect(answer.json()).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(await waiting()).toHaveLength(before)
  })

  it('says in the log that somebody was refused, and nothing of what came', async () => {
    await send(userOf('221771234507'), { by: secret() })
    expect(fixture.logged()).toContain('"hook.refused"')
    for (const hidden of ['561166', SECRET, '221771234507']) expect(fixture.logged()).not.toContain(hidden)
  })

  it('is told of a refusal where Supabase reads it, as the route for messages would say it', async () => {
    const refused = async (answer: ReturnType<typeof send>) => {
      const { statusCode, body } = await answer
      expect(statusCode).toBe(200)
      return (JSON.parse(body) as { error: unknown }).error
    }
    const toSenegal = send(userOf('221771234508'), { app: 'shop', by: SHOP_SECRET })
    expect(await refused(toSenegal)).toEqual({
      http_code: 422,
      message: expect.stringContaining('a country that this app may send to'),
    })
    expect(await refused(send(userOf('221000')))).toMatchObject({ http_code: 422 })
    await send(userOf('221771234509'))
    expect(await refused(send(userOf('221771234509')))).toMatchObject({ http_code: 429 })
    expect(await sentTo('+221771234508')).toEqual([])
    expect(await sentTo('+221771234509')).toHaveLength(1)
  })

  it.each([
    ['no JSON', '{', 400],
    ['a name twice', '{"user":{},"user":{}}', 400],
    [
      'the body of another hook',
      { user: { email: 'awa@example.com' }, email_data: { token: '561166' } },
      422,
    ],
    ['no number', userOf(''), 422],
    ['no code', { ...userOf('221771234510'), sms: {} }, 422],
    ['a code that no template takes', { ...userOf('221771234510'), sms: { otp: '<b>561166' } }, 422],
  ])('tells of %s without repeating it', async (_what, body, statusCode) => {
    const answer = await send(body)
    expect(answer.json()).toMatchObject({ status: statusCode })
    expect(answer.body).not.toContain('561166')
  })
})
