import { randomBytes } from 'node:crypto'
import { readSettings, SettingsError } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { alertSettings, requireAlertSecret } from './alert-settings.ts'

const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString('base64')}`
const read = (env: Record<string, string>) => readSettings(env, alertSettings)

/** The lines that a faulty environment leads to. */
function linesOf(env: Record<string, string>): string[] {
  try {
    requireAlertSecret(read(env))
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.lines
    throw error
  }
}

describe('the settings of alerts', () => {
  it('tell nobody unless they are set', () => {
    expect(read({})).toEqual({
      alertFallbackPercent: 5,
      alertFireAfterSeconds: 10,
      alertClearAfterSeconds: 30,
    })
    expect(linesOf({})).toEqual([])
  })

  it('take a URL with the secret it is signed with, or with two while one replaces the other', () => {
    const secrets = [secretOf(24), secretOf(64)]
    const env = { ALERT_WEBHOOK_URL: 'https://alerts.example/x', ALERT_WEBHOOK_SECRET: secrets.join(' ') }
    const { alertWebhookUrl, alertWebhookSecrets } = read(env)
    expect(alertWebhookUrl?.reveal()).toBe(env.ALERT_WEBHOOK_URL)
    expect(String(alertWebhookUrl)).toBe('[secret]')
    expect(alertWebhookSecrets?.map((secret) => secret.reveal())).toEqual(secrets)
  })

  it.each([
    ['ALERT_WEBHOOK_URL', 'ftp://alerts.example/hidden'],
    ['ALERT_WEBHOOK_URL', 'https://awa:hidden@alerts.example/'],
    ['ALERT_WEBHOOK_URL', 'hidden'],
    ['ALERT_WEBHOOK_SECRET', 'whsec_hidden'],
    ['ALERT_WEBHOOK_SECRET', secretOf(23)],
    ['ALERT_WEBHOOK_SECRET', secretOf(65)],
    ['ALERT_WEBHOOK_SECRET', `${secretOf(32)},${secretOf(32)}`],
    ['ALERT_WEBHOOK_SECRET', Array.from({ length: 5 }, () => secretOf(32)).join(' ')],
    ['ALERT_WEBHOOK_SECRET', alertSettings.alertWebhookSecrets.example],
    ['ALERT_FALLBACK_PERCENT', '0'],
    ['ALERT_FIRE_AFTER_SECONDS', '3601'],
    ['ALERT_CLEAR_AFTER_SECONDS', 'soon'],
  ])('refuse %s=%s without repeating a secret', (name, value) => {
    const [line = '', ...others] = linesOf({ [name]: value })
    expect(others).toEqual([])
    expect(line).toMatch(new RegExp(`^${name} .*Example: ${name}=`))
    expect(line).not.toContain('hidden')
  })

  it('do not let alerts go out unsigned', () => {
    const lines = linesOf({ ALERT_WEBHOOK_URL: 'https://alerts.example/hidden' })
    expect(lines).toEqual([expect.stringMatching(/^ALERT_WEBHOOK_URL is set, and ALERT_WEBHOOK_SECRET /)])
    expect(lines.join()).not.toContain('hidden')
  })
})
