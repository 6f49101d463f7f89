import { expect, test } from 'vitest'
import { codeFor, identity, online, settling, standsAt, template, body, textFor } from './setup.ts'

const sentOnly = '+5351234567'
const atOnce = { throughputPerSecond: 0, pairLimit: false }

test('updates that come close together share a POST, up to the batch size', async () => {
  const { send, settle, receiver } = await settling({ ...atOnce, webhookBatchSize: 4 })
  for (let message = 0; message < 10; message += 1) await send(codeFor(sentOnly))
  await settle()
  expect(receiver.statuses()).toHaveLength(10)
  expect(receiver.posts()).toBe(3)
})

test('a thousand updates fit into one POST', async () => {
  const { simulator, settle, receiver } = await settling({ webhookBatchSize: 1000 })
  for (let nth = 0; nth < 1000; nth += 1) simulator.webhooks.announceError(130429)
  await settle()
  expect([receiver.posts(), receiver.changes().length]).toEqual([1, 1000])
})

test('a body over 3 MB is split', async () => {
  const { simulator, settle, receiver } = await settling({ webhookBatchSize: 1000 })
  for (let nth = 0; nth < 200; nth += 1) simulator.inbound.reply(online, 'é'.repeat(4096))
  await settle()
  expect([receiver.posts(), receiver.changes().length]).toEqual([2, 200])
  for (const { raw } of receiver.requests) expect(raw.length).toBeLessThanOrEqual(3_000_000)
})

test.each([
  ['changes', [1, 4, 4]],
  ['entries', [4, 4, 4]],
  ['statuses', [1, 2, 4]],
] as const)('four updates as %s: %j entries, changes and statuses', async (webhookGrouping, expected) => {
  const { send, settle, receiver } = await settling({ ...atOnce, webhookBatchSize: 4, webhookGrouping })
  for (const number of ['+5351234567', '+5351234568', '+221771230026', '+5351234567'])
    await send(codeFor(number))
  await settle()
  const entries = receiver.requests.flatMap(({ entry }) => entry)
  expect([entries.length, receiver.changes().length, receiver.statuses().length]).toEqual(expected)
})

test('statuses in one change name each person once; failed ones keep apart, without contacts', async () => {
  const options = { ...atOnce, webhookBatchSize: 3, webhookGrouping: 'statuses' } as const
  const { send, settle, receiver } = await settling(options)
  for (const number of [sentOnly, '+221771230026', sentOnly]) await send(codeFor(number))
  await settle()
  const values = receiver.changes().map(({ value }) => value)
  expect(values.map(({ contacts, statuses }) => [contacts?.length, statuses.length])).toEqual([
    [1, 2],
    [undefined, 1],
  ])
})

test('by default the ways to share a POST vary', async () => {
  const { send, settle, receiver } = await settling({ ...atOnce, webhookBatchSize: 2, seed: 1 })
  for (let message = 0; message < 40; message += 1) await send(codeFor(sentOnly))
  await settle()
  const shapes = receiver.requests.map(({ entry }) => [entry.length, entry[0]?.changes.length].join())
  expect([...new Set(shapes)].toSorted()).toEqual(['1,1', '1,2', '2,1'])
})

test.each([
  ['v26.0', true, false],
  ['v25.0', false, false],
  ['v24.0', false, false],
  ['v23.0', false, true],
  ['v22.0', false, true],
] as const)(
  'statuses of %s: ids of people %j, conversation %j',
  async (webhookVersion, hasUserIds, hasConversation) => {
    const { send, settle, receiver } = await settling({ webhookVersion })
    await send(codeFor(sentOnly))
    await settle()
    const [webhook] = receiver.webhooks
    expect('contacts' in (webhook?.body ?? {})).toBe(hasUserIds)
    expect('recipient_user_id' in (webhook?.status ?? {})).toBe(hasUserIds)
    expect('conversation' in (webhook?.status ?? {})).toBe(hasConversation)
    expect(webhook?.status.pricing).toBeDefined()
  },
)

test('a conversation of v23 ends a day after it began, and says so once', async () => {
  const { send, settle, receiver } = await settling({ webhookVersion: 'v23.0' })
  await send(codeFor(online))
  await settle()
  const [sent, delivered, read] = receiver.webhooks.map(({ status }) => status)
  const id = expect.stringMatching(/^[0-9a-f]{32}$/) as string
  const origin = { type: 'authentication' }
  expect(sent).toMatchObject({
    conversation: { id, origin, expiration_timestamp: String(standsAt / 1000 + 86_400) },
  })
  expect(delivered).toHaveProperty('conversation', { id, origin })
  expect(read).not.toHaveProperty('conversation')
})

test('utility is free in a window the person opened; a code is not', async () => {
  const templates = [
    { name: 'order', language: 'fr', category: 'UTILITY', body: 'Bonjour {{1}}' } as const,
    { name: 'otp_login', language: 'fr' },
  ]
  const order = codeFor(sentOnly, '', { template: template('order', 'fr', [body('Awa')]) })
  const { simulator, send, settle, receiver } = await settling({ templates })
  await send(order)
  await settle()
  simulator.inbound.reply(sentOnly, 'Bonjour')
  for (const request of [order, codeFor(sentOnly), textFor(sentOnly)]) {
    await send(request)
    await settle()
  }
  expect(receiver.webhooks.map(({ status }) => status.pricing)).toMatchObject([
    { billable: true, type: 'regular', category: 'utility' },
    { billable: false, type: 'free_customer_service', category: 'utility' },
    { billable: true, type: 'regular', category: 'authentication' },
    { billable: false, type: 'free_customer_service', category: 'service' },
  ])
})

test('an error of the account comes without a message it belongs to', async () => {
  const { simulator, settle, receiver } = await settling()
  simulator.webhooks.announceError(130429)
  await settle()
  expect(receiver.changes()).toEqual([
    {
      field: 'messages',
      value: {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '15550783881', phone_number_id: identity.phoneNumberId },
        errors: [
          {
            code: 130429,
            title: 'Rate limit hit',
            message: 'Rate limit hit',
            error_data: { details: 'Cloud API message throughput has been reached.' },
            href: '/documentation/business-messaging/whatsapp/support/error-codes',
          },
        ],
      },
    },
  ])
})
