import http from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import type { PhoneSwitches } from '../src/world/recipients.ts'
import { codeFor, createReceiver, eventually, identity, online, setup, textFor } from './setup.ts'
import { watch, type Page } from './watch.ts'

const files = [
  'base.css',
  'phone.css',
  'panel.css',
  'theme.js',
  'page.js',
  'phone.js',
  'panel.js',
  'icon.svg',
]

test('the page and its files are served under a strict policy', async () => {
  const { simulator } = await setup()
  for (const path of ['/', ...files.map((name) => `/${name}`)]) {
    const response = await fetch(simulator.graphUrl + path)
    expect([path, response.status]).toEqual([path, 200])
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).not.toMatch(/<script>|<style|style="|onclick=|innerHTML|insertAdjacentHTML/)
  }
})

test('a viewer sees what is there, then each message with its ticks as they come', async () => {
  const { simulator, send } = await setup()
  await send(codeFor('+33612340026', '111111'))
  const page = await open(simulator.graphUrl)
  await eventually(page.newest, (message) => message?.status === 'failed')
  expect(page.phone()).toMatchObject({ label: '+33 612 340 026', profile: 'no WhatsApp', business: 'Relais' })
  expect(page.newest()).toMatchObject({ failure: '131026 Message Undeliverable' })

  await send(codeFor(online, '482913'))
  await eventually(page.newest, (message) => message?.status === 'read')
  expect(page.phone()).toMatchObject({ number: online, profile: 'online' })
  expect(page.newest()).toMatchObject({
    kind: 'message',
    code: '482913',
    language: 'fr',
    copyLabel: 'Copier le code',
    footer: 'Ce code expire dans 5 minutes.',
    isDenied: false,
  })
})

test('a message that waits has one tick, and a second when it arrives', async () => {
  const { simulator, send } = await setup({
    clock: { speed: 0 },
    timing: { sent: second, delivered: second },
  })
  const page = await open(simulator.graphUrl)
  await send(codeFor(online))
  await eventually(page.newest, (message) => message?.status === 'accepted')
  simulator.clock.advance(1000)
  await eventually(page.newest, (message) => message?.status === 'delivered')
})

test('delivered wins over a later failure of a second device', async () => {
  const { simulator, send } = await setup()
  await send(codeFor('+221771230004'))
  await eventually(
    () => simulator.messages()[0]?.statuses.length,
    (count) => count === 3,
  )
  const page = await open(simulator.graphUrl)
  expect(page.newest()).toMatchObject({ status: 'delivered' })
})

test('a viewer keeps at most 24 phones, the newest, each with at most 12 messages', async () => {
  const { simulator, send } = await setup({ throughputPerSecond: 0 })
  for (let phone = 10; phone < 40; phone += 1) await send(codeFor(`+2217712340${phone}`))
  for (let message = 0; message < 20; message += 1) await send(textFor('+221771234039', `text ${message}`))
  const { phones } = await open(simulator.graphUrl)
  expect(phones()).toHaveLength(24)
  expect(phones().at(-1)?.number).toBe('+221771234039')
  expect(
    phones()
      .at(-1)
      ?.entries.map(({ text }) => text),
  ).toEqual(Array.from({ length: 12 }, (_, index) => `text ${index + 8}`))
})

test('a viewer too many is told so and sent away', async () => {
  const { simulator } = await setup()
  await Promise.all(Array.from({ length: 50 }, () => open(simulator.graphUrl)))
  const response = await fetch(`${simulator.graphUrl}/phones/events`)
  expect(await response.text()).toContain('event: full\ndata: {"cap":50}')
})

test('a reset empties an open page', async () => {
  const { simulator, send } = await setup()
  await send(codeFor(online))
  const page = await open(simulator.graphUrl)
  expect(page.phones()).toHaveLength(1)
  simulator.reset()
  await eventually(page.phones, ({ length }) => length === 0)
})

test('an open viewer does not hold up closing', async () => {
  const { simulator } = await setup()
  await open(simulator.graphUrl)
  await simulator.close()
  await expect(fetch(simulator.graphUrl)).rejects.toThrow()
})

test('a phone that is switched off keeps messages waiting, and gets them when it is on again', async () => {
  const { simulator, send } = await setup()
  const page = await open(simulator.graphUrl)
  await send(codeFor(online, '111111'))
  await eventually(page.newest, (message) => message?.status === 'read')

  expect(await page.post('switches', { number: online, isOff: true })).toEqual([200, { ok: true }])
  await eventually(page.phone, (phone) => phone?.switches.isOff === true)
  await send(codeFor(online, '222222'))
  await eventually(page.newest, (message) => message?.code === '222222' && message.status === 'sent')
  expect(page.phone()?.profile).toBe('off')

  await page.post('switches', { number: online, isOff: false })
  await eventually(page.newest, (message) => message?.code === '222222' && message.status === 'read')
  expect(page.phone()).toMatchObject({ profile: 'online', switches: { isOff: false } })
})

test.each<[Partial<PhoneSwitches>, string[], string]>([
  [{ hasNoWhatsApp: true }, ['failed'], 'no WhatsApp'],
  [{ hasBlockedUs: true }, ['sent'], 'blocked us'],
  [{ hasReceiptsOff: true }, ['sent', 'delivered'], 'receipts off'],
])('the switch %o decides about the next message: %s', async (switches, statuses, profile) => {
  const { simulator, send } = await setup()
  const page = await open(simulator.graphUrl)
  await send(codeFor(online))
  await eventually(page.newest, (message) => message?.status === 'read')
  await page.post('switches', { number: online, ...switches })
  await send(codeFor(online))
  await eventually(
    () => simulator.messages()[1]?.statuses.map(({ status }) => status),
    (reached) => reached?.join() === statuses.join(),
  )
  await eventually(page.newest, (message) => message?.status === statuses.at(-1))
  expect(page.phone()?.profile).toBe(profile)
})

test('a code that was not requested is reported by webhook, and the phone says so', async () => {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  const page = await open(simulator.graphUrl)
  await send(codeFor(online))
  const message = await eventually(page.newest, (newest) => newest?.status === 'read')

  expect(await page.post('did-not-request', { messageId: message?.id })).toEqual([200, { ok: true }])
  await eventually(page.newest, (newest) => newest?.isDenied === true)
  const [inbound] = await eventually(
    () => receiver.changes().flatMap(({ value }) => value.messages ?? []),
    ({ length }) => length === 1,
  )
  expect(inbound).toMatchObject({
    type: 'button',
    button: { payload: 'DID_NOT_REQUEST_CODE' },
    context: { id: message?.id },
  })
})

test('a reply reaches the business by webhook and stands in the chat', async () => {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  const page = await open(simulator.graphUrl)
  await send(codeFor(online))
  await eventually(page.newest, (message) => message?.status === 'read')
  expect(await page.post('reply', { number: online, text: 'Merci !' })).toEqual([200, { ok: true }])
  await eventually(
    () => page.phone()?.entries.map(({ kind, text }) => `${kind} ${text}`),
    (entries) => entries?.at(-1) === 'reply Merci !',
  )
  const [inbound] = await eventually(
    () => receiver.changes().flatMap(({ value }) => value.messages ?? []),
    ({ length }) => length === 1,
  )
  expect(inbound).toMatchObject({ type: 'text', text: { body: 'Merci !' }, from: online.slice(1) })
})

test('the panel tells of tokens, limits, faults, clock and webhooks, without a secret', async () => {
  const receiver = await createReceiver((nth) => (nth === 0 ? 500 : 200))
  const { simulator, send } = await setup({ webhookUrl: `${receiver.url}?secret=s3cret` })
  const page = await open(simulator.graphUrl)
  await send(codeFor(online))
  await eventually(
    () => simulator.state().webhook.delivered,
    (delivered) => delivered === 3,
  )
  simulator.injectFaults([{ kind: 'error', code: 131000, times: 2 }])
  simulator.clock.setSpeed(0)
  const panel = await eventually(page.panel, (shown) => shown?.clock.speed === 0)
  expect(panel).toMatchObject({
    totals: { messages: 1 },
    faults: { waiting: 2, next: [{ label: 'error 131000', often: '× 2' }] },
    tokens: { total: 1, list: [{ state: 'live', type: 'SYSTEM_USER', isLastUsed: true }] },
    limits: { throughput: { limit: 80 }, pairs: { isOn: true, inDebt: 1 } },
    webhooks: { url: receiver.url, state: 'on' },
  })
  expect(panel?.webhooks.deliveries.map(({ answer }) => answer)).toContain('200')
  expect(panel?.webhooks.deliveries.some(({ tries }) => tries === 2)).toBe(true)
  for (const secret of [identity.accessToken, identity.appSecret, 's3cret'])
    expect(JSON.stringify(page.all())).not.toContain(secret)
})

test('only the page itself may use the switches', async () => {
  const { simulator, send } = await setup()
  await send(codeFor(online))
  const body = JSON.stringify({ number: online, isOff: true })
  const { host } = new URL(simulator.graphUrl)
  const ours = { host, origin: simulator.graphUrl, 'content-type': 'application/json' }
  const post = (headers: http.OutgoingHttpHeaders) => request(simulator.graphUrl, headers, body)
  expect(await post({ ...ours, origin: 'https://evil.example' })).toBe(403)
  expect(await post({ ...ours, origin: 'null' })).toBe(403)
  expect(await post({ host, 'content-type': 'application/json' })).toBe(403)
  expect(await post({ ...ours, 'sec-fetch-site': 'cross-site' })).toBe(403)
  // A foreign name that was made to point to this machine.
  expect(await post({ ...ours, host: 'evil.example', origin: 'http://evil.example' })).toBe(403)
  expect(await post({ ...ours, 'content-type': 'text/plain' })).toBe(415)
  expect(simulator.messages()[0]?.to).toBe(online)
  expect(await post(ours)).toBe(200)
})

test('a foreign host name sees neither the page nor the codes', async () => {
  const { simulator } = await setup()
  for (const path of ['/', '/phones/events'])
    expect(await request(simulator.graphUrl, { host: 'evil.example' }, undefined, path)).toBe(403)
  expect(await request(simulator.graphUrl, { host: 'localhost:4010' }, undefined, '/')).toBe(200)
  // Another page may not even hold a place among the viewers.
  const elsewhere = { host: 'localhost:4010', origin: 'https://evil.example' }
  expect(await request(simulator.graphUrl, elsewhere, undefined, '/phones/events')).toBe(403)
})

test('a bad body is refused with a reason and changes nothing', async () => {
  const { simulator, send } = await setup()
  await send(codeFor(online))
  await send(textFor('+221771230002'))
  const page = await open(simulator.graphUrl)
  const text = await eventually(page.newest, (message) => message?.status === 'delivered')
  const cases: [string, unknown, number][] = [
    ['switches', 'no JSON', 400],
    ['switches', '[]', 400],
    ['switches', 'null', 400],
    ['switches', { number: online }, 400],
    ['switches', { number: online, isOff: 'yes' }, 400],
    ['switches', { number: online, isOff: true, offUntil: 1 }, 400],
    ['switches', { number: '*', isOff: true }, 400],
    ['switches', { number: 7, isOff: true }, 400],
    ['switches', { number: '+221770000000', isOff: true }, 404],
    ['reply', { number: online }, 400],
    ['reply', { number: online, text: '  ' }, 400],
    ['reply', { number: online, text: 'x'.repeat(4097) }, 400],
    ['reply', { number: online, text: 'x'.repeat(40_000) }, 413],
    ['reply', { number: '12', text: 'x' }, 400],
    ['did-not-request', {}, 400],
    ['did-not-request', { messageId: 'wamid.none' }, 404],
    ['did-not-request', { messageId: text?.id }, 400],
    ['nothing-here', {}, 404],
  ]
  for (const [path, body, statusCode] of cases) {
    const [actual, answer] = await page.post(path, body)
    expect([path, body, actual]).toEqual([path, body, statusCode])
    expect(answer).toEqual({ error: expect.any(String) })
  }
  expect(page.phone()?.switches).toMatchObject({ isOff: false })
})

test('a person whose phone is off can neither reply nor report', async () => {
  const { simulator, send } = await setup()
  await send(codeFor('+221771230001'))
  const page = await open(simulator.graphUrl)
  const message = await eventually(page.newest, (newest) => newest?.status === 'sent')
  expect((await page.post('reply', { number: '+221771230001', text: 'x' }))[0]).toBe(409)
  expect((await page.post('did-not-request', { messageId: message?.id }))[0]).toBe(409)
})

const second = { min: 1000, max: 1000 }

async function open(graphUrl: string): Promise<Page> {
  const page = await watch(graphUrl)
  onTestFinished(page.close)
  return page
}

/** The status code of a request with exactly these headers, which `fetch` would not send. */
function request(
  graphUrl: string,
  headers: http.OutgoingHttpHeaders,
  body?: string,
  path = '/phones/switches',
): Promise<number> {
  const method = body === undefined ? 'GET' : 'POST'
  return new Promise((resolve, reject) => {
    const sent = http.request(graphUrl + path, { method, headers, agent: false }, (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
