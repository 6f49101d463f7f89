/** What an operator does for somebody who waits for a code: see where its time went, and send it again. */
import { WAITS_FOR } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, it, type ExpectStatic } from 'vitest'
import { runTool } from './operator-tool.ts'
import { recipients, sendsOf, sharedSystem, startSystem, takenBy, type System } from './system.ts'

type Step = { status: string; detail?: string; durationMs?: number; spentOn?: string; attempt?: number }
type Told = { status: string; resentAs?: string; resendOf?: string; cause?: string; story: Step[] }

const tell = async (system: System, id: string) =>
  (await system.operate('GET', `/api/admin/messages/${id}`)).body as unknown as Told
const resend = (system: System, id: string) => system.operate('POST', `/api/admin/messages/${id}/resend`, {})

describe('a code that fell back', () => {
  const shared = sharedSystem()

  /** Meta refuses it, this once. */
  async function fallBack(system: System, to: string, code: string): Promise<string> {
    system.simulator.injectFaults([{ kind: 'error', code: 131_009, times: 1 }])
    const id = await system.send(to, code, { ttlSeconds: 600, reference: `order ${to.slice(-4)}` })
    await system.reaches(id, ['fallback'])
    return id
  }

  it('is sent again by an operator, and arrives: the same code, the same deadline, once', async ({
    expect,
  }) => {
    const system = shared()
    const [to = ''] = recipients(601).slice(600)
    const id = await fallBack(system, to, '000601')
    const before = await tell(system, id)
    expect(before.cause).toContain('131009')
    expect(before.story.map(({ detail }) => detail).join()).toMatch(
      /\(permanent-request\) \(fbtrace_id \S+\)/,
    )

    const answers = await Promise.all([resend(system, id), resend(system, id), resend(system, id)])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([202, 202, 202])
    const copyId = String(answers[0]?.body['id'])
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1)
    await system.reaches(copyId, ['delivered'])
    expect(takenBy(system.simulator, copyId)).toMatchObject([
      { to, code: '000601', template: { name: 'otp_login', language: 'fr' } },
    ])
    expect(sendsOf(system.simulator, copyId)).toHaveLength(1)
    const [original, copy] = [await system.message(id), await system.message(copyId)]
    expect(copy.expiresAt).toBe(original.expiresAt)
    expect(original.status).toBe('fallback')
    expect(await tell(system, id)).toMatchObject({ resentAs: copyId })
    expect(await tell(system, copyId)).toMatchObject({ resendOf: id, status: 'delivered' })
    expect((await resend(system, id)).body['id']).toBe(copyId)
    expect(sendsOf(system.simulator, copyId)).toHaveLength(1)
    expect(system.events('message.resent').filter(({ messageId }) => messageId === id)).toHaveLength(1)
  })

  it('is not sent again once it was used', async ({ expect }) => {
    const system = shared()
    const [to = ''] = recipients(602).slice(601)
    const id = await fallBack(system, to, '000602')
    await system.call('POST', `/api/messages/${id}/used`, system.secrets.apiKey)
    const refused = await resend(system, id)
    expect(refused).toMatchObject({ statusCode: 409, body: { code: 'resend_not_possible' } })
    expect(refused.body['detail']).toContain('used')
    // Proved by one that is.
    const other = await fallBack(system, recipients(603).at(-1) ?? '', '000603')
    const { body } = await resend(system, other)
    await system.reaches(String(body['id']), ['delivered'])
    expect(takenBy(system.simulator, id)).toEqual([])
  })

  it('is found, shown and sent again on the command line; and all of it is audited', async ({ expect }) => {
    const system = shared()
    const to = recipients(604).at(-1) ?? ''
    const id = await fallBack(system, to, '000604')
    const asOperator = { ...system.env, RELAIS_URL: system.apiUrl, RELAIS_OPS_KEY: system.secrets.opsKey }
    const found = await runTool(['message', 'search', '--to', to, '--json'], asOperator)
    expect(JSON.parse(found.output)).toMatchObject({ messages: [{ id, to: `…${to.slice(-4)}` }] })
    const shown = await runTool(['message', 'show', id], asOperator)
    expect(shown.output).toContain('What to do:')
    const sent = await runTool(['message', 'resend', id, '--json'], asOperator)
    const { id: copyId } = JSON.parse(sent.output) as { id: string }
    await system.reaches(copyId, ['delivered'])
    const late = await runTool(['message', 'cancel', copyId], asOperator)
    expect([late.code, late.output]).toEqual([1, ''])
    expect(late.errors).toContain('cannot be taken back')
    const audit = await eventually(
      () => runTool(['audit', 'list', '--json'], asOperator),
      ({ output }) => output.includes('message.resent'),
    )
    expect(audit.output).toContain('message.searched')
    for (const { output, errors } of [found, shown, sent, late, audit]) {
      expect(output + errors).not.toContain(to.slice(4))
      expect(output + errors).not.toContain('000604')
    }
  })
})

describe('where the time of a message went', { timeout: 60_000 }, () => {
  it('is told of a wait for an access token', async (t) => {
    const system = await startSystem(t, { env: { WHATSAPP_ACCESS_TOKEN: '' } })
    const id = await system.send('+221771234567', '000123')
    await system.tells(id, WAITS_FOR.token)
    expectWaits(t, await tell(system, id), 'token')
    await system.operate('POST', '/api/wallet/update-whatsapp-token', {
      accessToken: system.secrets.accessToken,
    })
    await system.reaches(id, ['delivered'])
    const { story, cause } = await tell(system, id)
    const waits = story.filter(({ spentOn }) => spentOn === 'token')
    t.expect(waits).toHaveLength(1)
    t.expect(waits[0]?.durationMs).toBeGreaterThan(0)
    t.expect(story.find(({ attempt }) => attempt === 1)).toMatchObject({
      spentOn: 'call',
      answer: 'accepted by Meta',
    })
    t.expect(cause).toBeUndefined()
    t.expect(sendsOf(system.simulator, id)).toHaveLength(1)
  })

  it('is told of a wait for the limit of its recipient', async (t) => {
    const system = await startSystem(t, {})
    const [to = ''] = recipients(700).slice(699)
    const messages = Array.from({ length: 42 }, (_, i) => ({
      to,
      type: 'otp',
      code: String(2000 + i),
      ttlSeconds: 900,
      deliverWithinSeconds: 900,
    }))
    const answer = await system.call('POST', '/api/messages/batch', system.secrets.apiKey, { messages })
    const { results } = (await answer.json()) as { results: { id: string }[] }
    const waiting = await eventually(
      () => Promise.all(results.map(({ id }) => tell(system, id))),
      (all) => all.filter(({ story }) => story.some(({ detail }) => detail === WAITS_FOR.pair)).length === 2,
      { timeoutMs: 20_000, everyMs: 200, what: 'two messages that wait for their recipient' },
    )
    const [one] = waiting.filter(({ story }) => story.some(({ detail }) => detail === WAITS_FOR.pair))
    if (one) expectWaits(t, one, 'pair')
  })
})

function expectWaits({ expect }: { expect: ExpectStatic }, told: Told, spentOn: string): void {
  expect(told.status).toBe('queued')
  expect(told.story.at(-1)).toMatchObject({ status: 'queued', spentOn })
  expect(told.cause).toMatch(/^[A-Z]/)
}
