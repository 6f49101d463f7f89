/** The examples for the stacks that people use, run as they are, against the whole of Relais: what is asked for arrives on a phone. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually } from '@relais/testing'
import { Webhook } from 'standardwebhooks'
import { describe, it } from 'vitest'
import { sharedSystem } from './system.ts'

const shared = sharedSystem()

const example = (path: string) => fileURLToPath(new URL(`../examples/${path}`, import.meta.url))
const run = promisify(execFile)

/** The codes that a phone has got, the latest last. */
const codesOn = (to: string) =>
  shared()
    .simulator.messages()
    .filter((message) => message.to === to)
    .map(({ code }) => code)

const codeOn = async (to: string) => {
  const codes = await eventually(
    () => codesOn(to),
    ({ length }) => length > 0,
    { what: `a code for ${to}` },
  )
  return codes.at(-1) ?? ''
}

describe('Supabase', () => {
  /** What its send-SMS hook posts, signed by the library of Standard Webhooks. */
  function hook(phone: string, otp: string) {
    const { apiUrl, secrets } = shared()
    const body = JSON.stringify({ user: { id: randomUUID(), aud: 'authenticated', phone }, sms: { otp } })
    return () => {
      const [id, at] = [randomUUID(), new Date()]
      return fetch(`${apiUrl}/api/integrations/supabase/wallet`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': new Webhook(secrets.hookSecret).sign(id, at, body),
        },
        body,
      })
    }
  }

  it('has its code delivered, once, however often it tries', async (t) => {
    const post = hook('221771234601', '561166')
    for (const answer of [await post(), await post(), await post()]) {
      t.expect([answer.status, await answer.json()]).toEqual([200, {}])
    }
    t.expect(await codeOn('+221771234601')).toBe('561166')
    await hook('221771234602', '774411')()
    await codeOn('+221771234602')
    t.expect(codesOn('+221771234601')).toEqual(['561166'])
  })

  it('is played by its example', async (t) => {
    const { apiUrl, secrets } = shared()
    const env = { RELAIS_URL: apiUrl, APP: 'wallet', SEND_SMS_HOOK_SECRET: `v1,${secrets.hookSecret}` }
    const { stdout } = await run(process.execPath, [example('supabase/hook.mjs'), '221771234603'], { env })
    t.expect(stdout).toBe('200 {}\n')
    t.expect(await codeOn('+221771234603')).toMatch(/^\d{6}$/)
    const stranger = { ...env, SEND_SMS_HOOK_SECRET: 'v1,whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBhcHA=' }
    const refused = await run(process.execPath, [example('supabase/hook.mjs'), '221771234604'], {
      env: stranger,
    })
    t.expect(refused.stdout).toMatch(/^401 /)
  })
})
