import { expect, test } from 'vitest'
import { codeFor, createReceiver, eventually, identity, online, quick, setup, textFor } from './setup.ts'

test('the statuses of a message come signed over the exact bytes, in the v26 shape', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url })
  const { body } = await send(codeFor(online, '482913', { biz_opaque_callback_data: 'clé/1' }))
  await eventually(receiver.statuses, ({ length }) => length === 3)
  expect(receiver.statuses().toSorted()).toEqual(['delivered', 'read', 'sent'])
  expect(receiver.webhooks.every(({ isSigned }) => isSigned)).toBe(true)
  const sent = receiver.webhooks.find(({ status }) => status.status === 'sent')
  expect(sent?.body).toEqual({
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: identity.phoneNumberId },
    contacts: [{ profile: { name: expect.any(String) }, wa_id: '221771234567', user_id: expect.any(String) }],
    statuses: [
      {
        id: body.messages[0].id,
        status: 'sent',
        timestamp: expect.stringMatching(/^\d{10}$/),
        recipient_id: '221771234567',
        recipient_user_id: expect.stringMatching(/^SN\.\d+$/),
        biz_opaque_callback_data: 'clé/1',
        pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'authentication' },
      },
    ],
  })
})

test('the bytes are escaped as Meta escapes them: a client that serialises again gets another signature', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url })
  await send(codeFor(online, '482913', { biz_opaque_callback_data: 'clé/1' }))
  const [webhook] = await eventually(
    () => receiver.webhooks,
    ({ length }) => length > 0,
  )
  expect(webhook?.raw.toString('latin1')).toContain('cl\\u00e9\\/1')
})

test('a failed status has neither contacts nor pricing, and its message is the bare title', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url })
  await send(codeFor('+221771230026'))
  const [webhook] = await eventually(
    () => receiver.webhooks,
    ({ length }) => length > 0,
  )
  expect(webhook?.body).not.toHaveProperty('contacts')
  expect(webhook?.status).not.toHaveProperty('pricing')
  expect(webhook?.status).not.toHaveProperty('recipient_user_id')
  expect(webhook?.status).toMatchObject({ status: 'failed', biz_opaque_callback_data: 'msg_1' })
  expect(webhook?.status.errors).toEqual([
    {
      code: 131026,
      title: 'Message Undeliverable',
      message: 'Message Undeliverable',
      error_data: { details: 'Message Undeliverable.' },
      href: '/documentation/business-messaging/whatsapp/support/error-codes',
    },
  ])
})

test('the echo on failed statuses can be switched off', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url, echoCallbackDataOnFailed: false })
  await send(codeFor('+221771230026'))
  const [webhook] = await eventually(
    () => receiver.webhooks,
    ({ length }) => length > 0,
  )
  expect(webhook?.status).not.toHaveProperty('biz_opaque_callback_data')
})

test('free text in an open window is not billed', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url })
  await send(textFor(online))
  const [webhook] = await eventually(
    () => receiver.webhooks,
    ({ length }) => length > 0,
  )
  expect(webhook?.status.pricing).toMatchObject({ billable: false, category: 'service' })
})

test('what the receiver refuses comes again until it is taken', async () => {
  const receiver = await createReceiver((nth) => (nth < 3 ? 503 : 200))
  const { send, simulator } = await setup({ webhookUrl: receiver.url })
  await send(codeFor('+221771230001'))
  await eventually(
    () => simulator.state().webhook,
    ({ delivered }) => delivered === 1,
  )
  expect(receiver.statuses()).toEqual(['sent', 'sent', 'sent', 'sent'])
  expect(simulator.state().webhook).toMatchObject({ failedTries: 3, waiting: 0, dropped: 0 })
})

test('a receiver that is away gets the statuses when it is back at another address', async () => {
  const { send, simulator } = await setup({ webhookUrl: 'http://127.0.0.1:9/' })
  await send(codeFor('+221771230001'))
  await eventually(
    () => simulator.state().webhook.failedTries,
    (count) => count > 0,
  )
  const receiver = await createReceiver()
  simulator.webhooks.setUrl(receiver.url)
  expect(await eventually(receiver.statuses, ({ length }) => length > 0)).toEqual(['sent'])
})

test('a status can arrive before the answer of its own send', async () => {
  const receiver = await createReceiver()
  const timing = { ...quick, answer: { min: 60_000, max: 60_000 } }
  const { send, simulator } = await setup({ webhookUrl: receiver.url, timing })
  const neverAnswered = send(codeFor(online)).catch(() => 'hung up')
  await eventually(receiver.statuses, ({ length }) => length === 3)
  await simulator.close()
  expect(await neverAnswered).toBe('hung up')
})

test('duplicates and batches come when asked for', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({ webhookUrl: receiver.url, duplicateProbability: 1, webhookBatchSize: 100 })
  await send(codeFor('+221771230001'))
  await eventually(receiver.statuses, ({ length }) => length === 2)
  expect(receiver.statuses()).toEqual(['sent', 'sent'])
})

test('held back statuses are overtaken, and still all arrive', async () => {
  const receiver = await createReceiver()
  const { send } = await setup({
    webhookUrl: receiver.url,
    swapProbability: 0.5,
    seed: 7,
    pairLimit: false,
    clock: { speed: 20 },
  })
  for (let message = 0; message < 10; message += 1) await send(codeFor(online))
  await eventually(receiver.statuses, ({ length }) => length === 30)
  const orders = new Map<string, string[]>()
  for (const { status } of receiver.webhooks)
    orders.set(status.id, [...(orders.get(status.id) ?? []), status.status])
  const inOrder = [...orders.values()].filter((order) => order.join() === 'sent,delivered,read')
  expect(inOrder.length).toBeLessThan(10)
})

test('a long backlog arrives whole once the receiver is back', async () => {
  let isBack = false
  const receiver = await createReceiver(() => (isBack ? 200 : 500))
  const { send, simulator } = await setup({
    webhookUrl: receiver.url,
    throughputPerSecond: 0,
    pairLimit: false,
  })
  await Promise.all(Array.from({ length: 100 }, () => send(codeFor('+221771230001'))))
  await eventually(
    () => simulator.state().webhook.failedTries,
    (count) => count >= 100,
  )
  isBack = true
  await eventually(
    () => simulator.state().webhook,
    ({ delivered }) => delivered === 100,
  )
  expect(simulator.state().webhook).toMatchObject({ waiting: 0, active: 0, dropped: 0 })
})
