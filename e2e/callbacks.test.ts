/** Apps are told what became of their messages, with real processes: in order, signed, and also when a worker is killed in the middle. */
import { eventually, startReceiver, type Receiver } from '@relais/testing'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Webhook } from 'standardwebhooks'
import { describe, it, type TestContext } from 'vitest'
import { runTool } from './operator-tool.ts'
import { isUp, recipients, startSystem } from './system.ts'

/** The part of the OpenAPI document that is about events. */
type Document = {
  webhooks: Record<string, { post: { requestBody: { content: Record<string, { schema: object }> } } }>
}

type Body = { id: string; type: string; messageId: string; sequence: number; status: string }

/** A system whose app `wallet` has a callback, set by an operator on the command line. */
async function setup(t: TestContext) {
  const receiver = await startReceiver()
  t.onTestFinished(() => receiver.close())
  const env = { CALLBACK_ALLOW_PRIVATE: 'on', LOG_LEVEL: 'debug' }
  const system = await startSystem(t, { env })
  const settings = { ...system.env, RELAIS_URL: system.apiUrl, RELAIS_OPS_KEY: system.secrets.opsKey }
  const tool = (...args: string[]) => runTool(['callbacks', ...args], settings)
  const { output } = await tool('set', 'wallet', `${receiver.url}/hook-hidden`)
  const secret = /^whsec_\S+$/m.exec(output)?.[0] ?? ''
  return { receiver, system, tool, secret }
}

/** What was posted, each checked by the official library. */
function bodiesOf(receiver: Receiver, secret: string): Body[] {
  const webhook = new Webhook(secret)
  return receiver
    .received()
    .map(({ body, headers }) => webhook.verify(body, headers as Record<string, string>) as Body)
}

describe.concurrent('an app', { timeout: 120_000 }, () => {
  it('is told of sent, delivered and used in order, and nothing secret is written anywhere', async (t) => {
    const { receiver, system, tool, secret } = await setup(t)
    const id = await system.send('+221771234567', '482913', { reference: 'login-7781' })
    await system.reaches(id, ['delivered'])
    await system.call('POST', `/api/messages/${id}/used`, system.secrets.apiKey)
    const bodies = await eventually(
      () => bodiesOf(receiver, secret).filter(({ messageId }) => messageId === id),
      (all) => all.some(({ status }) => status === 'used'),
      { what: 'the last event' },
    )
    t.expect(bodies.map(({ sequence, status }) => `${sequence} ${status}`)).toEqual([
      '1 sent',
      '2 delivered',
      '3 used',
    ])
    t.expect(bodies[0]).toMatchObject({
      type: 'message.sent',
      id: `${id}.1`,
      to: '…4567',
      reference: 'login-7781',
    })
    const { webhooks } = (await (await fetch(`${system.apiUrl}/openapi.json`)).json()) as Document
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    for (const body of bodies) {
      const schema = webhooks[body.type]?.post.requestBody.content['application/json']?.schema ?? false
      t.expect([body.type, ajv.validate(schema, body)]).toEqual([body.type, true])
    }
    t.expect((await tool('test', 'wallet')).output).toContain('took the test (204)')
    t.expect((await tool('list')).output).toMatch(/^wallet {2}working/m)

    const written = [...system.output(), JSON.stringify(receiver.received().map(({ body }) => body))].join(
      '\n',
    )
    t.expect(written).toContain('callback.delivered')
    const message = await system.message(id)
    const hidden = [
      'hook-hidden',
      secret.slice('whsec_'.length),
      '482913',
      message.providerMessageId ?? 'wamid',
    ]
    for (const each of [...hidden, ...Object.values(system.secrets)]) t.expect(written).not.toContain(each)
  })

  it('is told why a message fell back, and another app is told nothing', async (t) => {
    const { receiver, system, secret } = await setup(t)
    await system.post({ to: '+221771234567', type: 'otp', code: '482914' }, 'shop')
    // Without WhatsApp: Meta takes it, and reports that it failed.
    const id = await system.send('+221771230026', '482913')
    await system.reaches(id, ['fallback'])
    const bodies = await eventually(
      () => bodiesOf(receiver, secret),
      (all) => all.some(({ status }) => status === 'fallback'),
      { what: 'the fallback' },
    )
    t.expect(bodies.at(-1)).toMatchObject({ reason: 'recipient_unreachable' })
    t.expect(new Set(bodies.map(({ messageId }) => messageId))).toEqual(new Set([id]))
  })

  it('is told everything, in order for each message, although the worker is killed in the middle', async (t) => {
    const { receiver, system, secret } = await setup(t)
    receiver.answer('hangs')
    const ids = await Promise.all(recipients(40).map((to) => system.send(to, '482913')))
    await Promise.all(ids.map((id) => system.reaches(id, ['delivered'])))
    await eventually(
      () => receiver.received().length,
      (count) => count > 0,
      { what: 'posts that are under way' },
    )
    await system.workers[0]?.kill()
    receiver.answer(204)
    await isUp(system.startApp('worker'))
    const bodies = await eventually(
      () => bodiesOf(receiver, secret),
      (all) => new Set(all.map(({ id }) => id)).size === 80,
      { timeoutMs: 60_000, what: 'all events' },
    )
    for (const id of ids) {
      const sequences = bodies.filter(({ messageId }) => messageId === id).map(({ sequence }) => sequence)
      // Those that were under way come once more, under the same id; none comes after a later one.
      t.expect(sequences).toEqual(sequences.toSorted((one, other) => one - other))
      t.expect(new Set(sequences)).toEqual(new Set([1, 2]))
    }
    t.expect(bodies.length).toBeGreaterThan(80)
  })
})
