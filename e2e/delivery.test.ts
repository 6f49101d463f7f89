import { describe, it } from 'vitest'
import { recipients, sendsOf, sharedSystem, startSystem, takenBy } from './system.ts'

const shared = sharedSystem({
  env: { SEND_TIMEOUT_MS: '2000' },
  simulator: {
    templates: [
      { name: 'otp_login', language: 'fr' },
      { name: 'order_update', language: 'fr', category: 'UTILITY', body: 'Bonjour {{1}}, {{2}} reçus.' },
    ],
  },
})

describe.concurrent('a code that is posted to the API', { timeout: 60_000 }, () => {
  it('arrives on the phone, and its timeline tells how', async ({ expect }) => {
    const system = shared()
    const id = await system.send('+221771234567', '000123', { reference: 'login-7781' })
    const message = await system.reaches(id, ['delivered'])
    expect(message.timeline.map(({ status }) => status)).toEqual(['queued', 'sending', 'sent', 'delivered'])
    expect(message).toMatchObject({
      attempts: 1,
      type: 'otp',
      to: '+221771234567',
      template: 'otp_login',
      reference: 'login-7781',
    })
    expect(message.providerMessageId).toMatch(/^wamid\./)
    expect(takenBy(system.simulator, id)).toMatchObject([
      { to: '+221771234567', code: '000123', template: { name: 'otp_login', language: 'fr' } },
    ])
    expect(JSON.stringify(message)).not.toContain('000123')
  })

  it('is refused by Meta for good: the operators have it at once, after one call', async ({ expect }) => {
    const system = shared()
    const id = await system.send('+221771230030', '482913', { reference: 'login-1' })
    const message = await system.reaches(id, ['fallback'])
    expect(message).toMatchObject({ reason: 'recipient_unreachable', attempts: 1 })
    expect(message.timeline.at(-1)?.detail).toContain('131030')
    expect(await system.fallbackRecord(id)).toEqual({
      event: 'message.fallback',
      messageId: id,
      app: 'wallet',
      to: '+221771230030',
      code: '482913',
      reason: 'recipient_unreachable',
      expiresAt: message.expiresAt,
      reference: 'login-1',
    })
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
  })

  it('is accepted, then reported as failed: the receipt starts the fallback', async ({ expect }) => {
    const system = shared()
    const id = await system.send('+221771230026', '482913')
    expect(await system.reaches(id, ['fallback'])).toMatchObject({ reason: 'recipient_unreachable' })
    expect(await system.fallbackRecord(id)).toMatchObject({ code: '482913' })
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
  })

  it('meets 503, 131000, a reset connection and a time-out, and then is sent', async ({ expect }) => {
    const system = shared()
    const to = '+221771234100'
    system.simulator.injectFaults([
      { to, kind: 'error', code: 2 },
      { to, kind: 'error', code: 131000 },
      { to, kind: 'reset', accepted: false },
      { to, kind: 'stall', ms: 5000, accepted: false },
    ])
    const id = await system.send(to, '482913')
    const message = await system.reaches(id, ['delivered'], 50_000)
    expect(message.timeline.map(({ status, detail = '' }) => `${status} ${detail}`)).toEqual([
      'queued ',
      'sending attempt 1',
      expect.stringMatching(/^queued 2 API Service.*next try in \d+ ms$/),
      'sending attempt 2',
      expect.stringMatching(/^queued 131000 Something went wrong.*next try in \d+ ms$/),
      'sending attempt 3',
      'uncertain the connection failed: ECONNRESET; waiting for a receipt',
      'sending attempt 4',
      'uncertain no whole answer within 2000 ms; waiting for a receipt',
      'sending attempt 5',
      'sent accepted by Meta',
      'delivered receipt',
    ])
    expect(message.attempts).toBe(5)
    expect(sendsOf(system.simulator, id)).toHaveLength(5)
    expect(takenBy(system.simulator, id)).toHaveLength(1)
  })

  it('is taken but the answer is lost: the receipt settles it, nobody sends it again', async ({ expect }) => {
    const system = shared()
    const to = '+221771234101'
    system.simulator.injectFaults([{ to, kind: 'reset', accepted: true }])
    const id = await system.send(to, '482913')
    expect((await system.reaches(id, ['delivered'])).attempts).toBe(1)
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
  })

  it('finds Meta in an outage: out of attempts, the operators have it', async ({ expect }) => {
    const system = shared()
    const id = await system.send('+221771230503', '482913')
    const message = await system.reaches(id, ['fallback'], 40_000)
    expect(message).toMatchObject({ reason: 'provider_unavailable', attempts: 5 })
    expect(await system.fallbackRecord(id)).toMatchObject({ code: '482913', reason: 'provider_unavailable' })
  })

  it('waits out a limit of the sender without spending an attempt', async ({ expect }) => {
    const system = shared()
    const to = '+221771234102'
    system.simulator.injectFaults([{ to, kind: 'error', code: 130429 }])
    const id = await system.send(to, '482913')
    expect((await system.reaches(id, ['delivered'])).attempts).toBe(1)
    expect(sendsOf(system.simulator, id)).toHaveLength(2)
  })

  it('is not delayed by a limit that concerns another recipient', async ({ expect }) => {
    const system = shared()
    const limited = await system.send('+221771230056', '1111')
    await system.tells(limited, '131056')
    const other = await system.send('+221771234103', '2222')
    await system.reaches(other, ['delivered'])
    expect(await system.message(limited)).toMatchObject({ status: 'queued', attempts: 0 })
  })
})

describe.concurrent('other messages', () => {
  it('a text and a template with parameters arrive as written', async ({ expect }) => {
    const system = shared()
    const template = await system.sendAny({
      to: '+221771234104',
      type: 'template',
      template: 'order_update',
      language: 'fr',
      parameters: ['Awa', '12 500 FCFA'],
    })
    const text = await system.sendAny({ to: '+221771234105', type: 'text', text: 'Bonjour 👋\nà bientôt' })
    await system.reaches(template, ['delivered'])
    await system.reaches(text, ['delivered'])
    expect(takenBy(system.simulator, template)[0]?.text).toBe('Bonjour Awa, 12 500 FCFA reçus.')
    expect(takenBy(system.simulator, text)[0]?.text).toBe('Bonjour 👋\nà bientôt')
  })

  it('a template that Meta does not have falls back at once', async ({ expect }) => {
    const system = shared()
    const id = await system.sendAny({ to: '+221771234106', type: 'template', template: 'unknown_one' })
    expect(await system.reaches(id, ['fallback'])).toMatchObject({ reason: 'template_rejected', attempts: 1 })
    expect(await system.fallbackRecord(id)).not.toHaveProperty('code')
  })
})

describe.concurrent('many codes', { timeout: 60_000 }, () => {
  it('are each sent once by two workers, no faster than the pace', async (t) => {
    const system = await startSystem(t, { workers: 2, env: { SEND_RATE_PER_SECOND: '40' } })
    const ids = await Promise.all(recipients(60).map((to, i) => system.send(to, String(1000 + i))))
    for (const id of ids) await system.reaches(id, ['delivered'])
    for (const id of ids) t.expect(sendsOf(system.simulator, id)).toHaveLength(1)
    const times = system.simulator.calls().flatMap(({ kind, at }) => (kind === 'send' ? [at] : []))
    // 60 slots are 59 gaps of 25 ms. Half of it is room for a first send that was slow to leave; unpaced it is a blink.
    t.expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan((59 * 25) / 2)
  })
})
