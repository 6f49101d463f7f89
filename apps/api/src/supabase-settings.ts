/** The setting of Supabase's hook: whose it is, and what it is signed with. */
import { CALLER_NAME, Fault, Secret, type Setting } from '@relais/core'
import { isWebhookSecret } from './standard-webhook.ts'

/** Stands in `.env.example`, so the whole world knows it: refused. */
const EXAMPLE_SECRET = 'v1,whsec_bWFrZSBvbmUgd2l0aDogb3BlbnNzbCByYW5k'

/** More of one app are not needed to replace one. */
const MOST_SECRETS = 4

/** By app: its secrets, as `whsec_<base64>`. */
export type HookSecrets = ReadonlyMap<string, readonly Secret[]>

export const supabaseSettings = {
  supabaseHookSecrets: {
    name: 'SUPABASE_HOOK_SECRETS',
    about:
      "Whose Supabase may send codes by its send-SMS hook, as app=v1,whsec_...; several with spaces between, and an app's of which any fits",
    example: `wallet=${EXAMPLE_SECRET}`,
    isSecret: true,
    fallback: { value: new Map(), shown: '' },
    parse: parseHookSecrets,
  } satisfies Setting<HookSecrets> as Setting<HookSecrets>,
}

/** Nothing of the text is repeated. */
function parseHookSecrets(text: string): HookSecrets | Fault {
  const secrets = new Map<string, Secret[]>()
  const seen = new Set<string>()
  for (const [index, entry] of text.split(/\s+/).entries()) {
    const place = `has a fault in entry ${index + 1}:`
    const [, app = '', secret = ''] = /^([^=]+)=(.+)$/.exec(entry) ?? []
    if (!CALLER_NAME.test(app)) return new Fault(`${place} it must be app=v1,whsec_...`)
    if (secret === EXAMPLE_SECRET) return new Fault(`${place} it is the example; generate one at Supabase`)
    const whsec = secret.replace(/^v1,/, '')
    if (!isWebhookSecret(whsec))
      return new Fault(`${place} after ${app}= there must be v1,whsec_ and 24 to 64 bytes in base64`)
    if (seen.has(whsec)) return new Fault(`${place} its secret is used twice`)
    seen.add(whsec)
    const ofApp = [...(secrets.get(app) ?? []), new Secret(whsec)]
    if (ofApp.length > MOST_SECRETS) return new Fault(`${place} an app has ${MOST_SECRETS} secrets at most`)
    secrets.set(app, ofApp)
  }
  return secrets
}
