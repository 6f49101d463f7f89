/** What Meta does, or the phones: each alert about it fires when it happens, and clears when it is over. */
import { describe, expect, it } from 'vitest'
import type { System } from '../system.ts'
import { hasPrometheus, watchedSystem } from './watch.ts'

const UPDATE = '/api/wallet/update-whatsapp-token'
const REFRESH = '/api/wallet/refresh-whatsapp-token'

/** A token that lives a little longer than this is due to be renewed in a moment. */
const RENEW_BEFORE_SECONDS = 43_000

describe.skipIf(!hasPrometheus)('alerts about Meta (need a Prometheus)', { timeout: 240_000 }, () => {
  const started = watchedSystem({
    env: {
      TOKEN_RENEW_CHECK_SECONDS: '1',
      TOKEN_RENEW_BEFORE_SECONDS: String(RENEW_BEFORE_SECONDS),
      PUMPING_GUARD: 'off',
    },
  })

  it('a template whose messages do not arrive, until the phones are on again', async () => {
    const { system, watch } = started()
    system.simulator.recipients.set('+22177444*', { isOff: true })
    await sendTo(system, '+22177444', 25)
    const alert = await watch.fires('RelaisDeliveredRatio')
    expect(alert.labels).toMatchObject({ template: 'otp_login', language: 'fr', severity: 'warning' })
    system.simulator.recipients.set('+22177444*', { isOff: false })
    await watch.clears('RelaisDeliveredRatio')
  })

  it('a token that is revoked, until another is brought', async () => {
    const { system, watch } = started()
    system.simulator.revokeToken(system.secrets.accessToken)
    await sendTo(system, '+22177111', 1)
    const alert = await watch.fires('RelaisTokenDead', { labels: { severity: 'critical' } })
    expect(alert.annotations['summary']).toBe('Nothing can be sent: the access token is invalid')
    await bringToken(system)
    await watch.clears('RelaisTokenDead')
  })

  it('a renewal that Meta refuses while the token comes near its end, until it is allowed', async () => {
    const { system, watch } = started()
    system.simulator.injectFaults([{ kind: 'error', code: 2, on: 'exchange', forSeconds: 3600 }])
    await bringToken(system, RENEW_BEFORE_SECONDS + 3)
    await watch.fires('RelaisRenewalFailing')
    await watch.fires('RelaisTokenExpiring', { labels: { severity: 'critical' } })
    const alert = await watch.fires('RelaisTokenExpiring', { labels: { severity: 'warning' } })
    expect(alert.annotations['summary']).toMatch(/^The access token ends in 11h 5\dm .* and is not renewed$/)
    system.simulator.clearFaults()
    expect(await system.operate('POST', REFRESH)).toMatchObject({ statusCode: 200 })
    await watch.clears('RelaisTokenExpiring')
    await watch.clears('RelaisRenewalFailing')
  })

  it('an account that is locked, until it is in good standing and a message gets through', async () => {
    const { system, watch } = started()
    system.simulator.account.update({ business: { standing: 'locked' } })
    const meanwhile = () => sendTo(system, '+22177111', 1)
    const alert = await watch.fires('RelaisSenderPaused', { meanwhile })
    expect(alert.labels).toMatchObject({ what: 'sender', reason: 'sender_blocked' })
    system.simulator.account.update({ business: { standing: 'good' } })
    await watch.clears('RelaisSenderPaused', { meanwhile })
  })

  it('a template that Meta pauses, until it is approved again', async () => {
    const { system, watch } = started()
    const [template] = system.simulator.templates.all()
    const play = (status: 'PAUSED' | 'APPROVED') =>
      system.simulator.templates.update(template?.id ?? '', { status })
    play('PAUSED')
    const meanwhile = () => sendTo(system, '+22177111', 1)
    const alert = await watch.fires('RelaisTemplatePaused', { meanwhile })
    expect(alert.labels['what']).toBe('template otp_login fr')
    play('APPROVED')
    await watch.clears('RelaisTemplatePaused', { meanwhile })
  })

  it('calls that take long, until they do not', async () => {
    const { system, watch } = started()
    system.simulator.injectFaults([{ kind: 'stall', ms: 3000, accepted: true, forSeconds: 3600 }])
    const meanwhile = () => sendTo(system, '+22177111', 2)
    await watch.fires('RelaisProviderSlow', { meanwhile })
    system.simulator.clearFaults()
    await watch.clears('RelaisProviderSlow', { meanwhile })
  })

  it('many recipients without WhatsApp, until messages arrive again', async () => {
    const { system, watch } = started()
    system.simulator.recipients.set('+22177555*', { hasNoWhatsApp: true })
    const meanwhile = () => sendTo(system, '+22177555', 5)
    await watch.fires('RelaisFallbackRate', { labels: { severity: 'warning' }, meanwhile })
    await watch.fires('RelaisFallbackRate', { labels: { severity: 'critical' }, meanwhile })
    await watch.clears('RelaisFallbackRate', { meanwhile: () => sendTo(system, '+22177111', 1) })
  })
})

let sent = 0

/** Sends codes to so many numbers that begin like this and end in digits that force nothing; none of them twice. */
async function sendTo(system: System, begin: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, () => `${begin}${2000 + (sent++ % 7000)}`)
  await Promise.all(numbers.map((to) => system.send(to, '482913')))
}

async function bringToken(system: System, lifeSeconds?: number): Promise<void> {
  const accessToken = system.simulator.issueToken(lifeSeconds === undefined ? {} : { lifeSeconds })
  expect(await system.operate('POST', UPDATE, { accessToken })).toMatchObject({ statusCode: 200 })
}
