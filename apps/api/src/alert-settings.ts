/** The settings of alerts: who is told, and when. */
import { Fault, Secret, SettingsError, wholeNumber, type Setting, type SettingsOf } from '@relais/core'
import { isWebhookSecret } from './standard-webhook.ts'

/** Stands in `.env.example`, so the whole world knows it: refused. */
const EXAMPLE_SECRET = 'whsec_bWFrZSBvbmUgd2l0aDogb3BlbnNzbCByYW5k'

/** More are not needed to replace one. */
const MOST_SECRETS = 4

export const alertSettings = {
  alertWebhookUrl: {
    name: 'ALERT_WEBHOOK_URL',
    about: 'Where alerts are posted to; without it they are only logged',
    example: 'https://alerts.example.com/relais',
    isSecret: true,
    fallback: { value: undefined, shown: '' },
    parse: parseUrl,
  } satisfies Setting<Secret | undefined> as Setting<Secret | undefined>,
  alertWebhookSecrets: {
    name: 'ALERT_WEBHOOK_SECRET',
    about:
      'With ALERT_WEBHOOK_URL: what alerts are signed with, as whsec_<base64 of 24 to 64 bytes>; several with spaces between, and each signs',
    example: EXAMPLE_SECRET,
    isSecret: true,
    fallback: { value: undefined, shown: '' },
    parse: parseSecrets,
  } satisfies Setting<Secret[] | undefined> as Setting<Secret[] | undefined>,
  alertFallbackPercent: wholeNumber({
    name: 'ALERT_FALLBACK_PERCENT',
    about: 'Operators are told when more than so many hundredths of the messages of five minutes fall back',
    min: 1,
    max: 100,
    fallback: 5,
  }),
  alertFireAfterSeconds: wholeNumber({
    name: 'ALERT_FIRE_AFTER_SECONDS',
    about: 'Something critical is told when it has lasted for so long; a warning after six times as long',
    min: 0,
    max: 3600,
    fallback: 10,
  }),
  alertClearAfterSeconds: wholeNumber({
    name: 'ALERT_CLEAR_AFTER_SECONDS',
    about: 'It is over when it has not been seen for so long',
    min: 0,
    max: 3600,
    fallback: 30,
  }),
}

/** Throws a `SettingsError` if alerts would be posted unsigned. */
export function requireAlertSecret(
  settings: Pick<SettingsOf<typeof alertSettings>, 'alertWebhookUrl' | 'alertWebhookSecrets'>,
): void {
  if (!settings.alertWebhookUrl || settings.alertWebhookSecrets) return
  const { name, example } = alertSettings.alertWebhookSecrets
  throw new SettingsError([
    `ALERT_WEBHOOK_URL is set, and ${name} to sign with is missing: nobody could tell our alerts from others'. Make one: echo whsec_$(openssl rand -base64 32). Example: ${name}=${example}`,
  ])
}

/** Nothing of the text is repeated: the path may be a secret. */
function parseUrl(text: string): Secret | Fault {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['https:', 'http:'].includes(url.protocol) || !url.hostname || text.length > 4096)
    return new Fault('must be a URL that starts with https:// or http://, 4096 characters at most')
  if (url.username || url.password)
    return new Fault('must be without user and password: alerts are signed instead')
  return new Secret(url.href)
}

function parseSecrets(text: string): Secret[] | Fault {
  const secrets = text.split(/\s+/)
  if (secrets.length > MOST_SECRETS) return new Fault(`must be ${MOST_SECRETS} secrets at most`)
  for (const [index, secret] of secrets.entries()) {
    const place = `has a fault in entry ${index + 1}:`
    if (secret === EXAMPLE_SECRET) return new Fault(`${place} it is the example; make one of your own`)
    if (!isWebhookSecret(secret))
      return new Fault(
        `${place} it must be whsec_ and 24 to 64 bytes in base64 (echo whsec_$(openssl rand -base64 32))`,
      )
  }
  return secrets.map((secret) => new Secret(secret))
}
