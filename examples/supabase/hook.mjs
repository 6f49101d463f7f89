// Plays Supabase's part: sends one code by the hook, signed. To see that URL and secret are right.
//   RELAIS_URL=http://127.0.0.1:3000 APP=wallet SEND_SMS_HOOK_SECRET=v1,whsec_... node hook.mjs 221771234567
import { createHmac, randomInt, randomUUID } from 'node:crypto'

const { RELAIS_URL, APP, SEND_SMS_HOOK_SECRET = '' } = process.env
const body = JSON.stringify({
  user: { id: randomUUID(), phone: process.argv[2] },
  sms: { otp: String(randomInt(1_000_000)).padStart(6, '0') },
})

const id = randomUUID()
const timestamp = Math.floor(Date.now() / 1000)
const key = Buffer.from(SEND_SMS_HOOK_SECRET.replace('v1,whsec_', ''), 'base64')
const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')

const answer = await fetch(`${RELAIS_URL}/api/integrations/supabase/${APP}`, {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  },
  body,
})
process.stdout.write(`${answer.status} ${await answer.text()}\n`)
