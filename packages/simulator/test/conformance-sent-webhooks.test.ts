import { expect, test } from 'vitest'
import { webhookFaults } from '../src/conformance/index.ts'
import type { SimulatorOptions } from '../src/index.ts'
import { codeFor, createReceiver, eventually, identity, setup, textFor } from './setup.ts'

const endings = '0001 0002 0003 0004 0026 0042 0043 0047 4567'.split(' ')

/** Sends to every kind of recipient, and gives what the webhook got in the end. */
async function webhooksOf(options: Partial<SimulatorOptions>) {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({ webhookUrl: receiver.url, ...options })
  for (const ending of endings) {
    await send(codeFor(`+22177123${ending}`))
    await send(textFor(`+22177124${ending}`))
  }
  await send(codeFor('+5351234567'))
  await eventually(
    () => simulator.state().webhook,
    ({ waiting, active, delivered }) => waiting + active === 0 && delivered > 30,
  )
  return receiver.requests
}

function faultsOf(
  { raw, signature }: { raw: Buffer; signature: string | undefined },
  version: string,
): string[] {
  const headers = { 'x-hub-signature-256': signature, 'content-type': 'application/json' }
  return webhookFaults({ headers, body: raw.toString('latin1') }, { appSecret: identity.appSecret, version })
}

test.each(['v23.0', 'v24.0', 'v25.0', 'v26.0'] as const)(
  'the webhooks of every kind of recipient conform to %s',
  async (webhookVersion) => {
    const webhooks = await webhooksOf({ webhookVersion })
    expect(webhooks.flatMap((webhook) => faultsOf(webhook, webhookVersion))).toEqual([])
  },
)

test.each(['changes', 'statuses', 'entries', 'mixed'] as const)(
  'webhooks of many updates conform, in %s',
  async (webhookGrouping) => {
    const webhooks = await webhooksOf({ webhookGrouping, webhookBatchSize: 100 })
    expect(webhooks.flatMap((webhook) => faultsOf(webhook, 'v26.0'))).toEqual([])
  },
)

const settled = ({ waiting, active }: { waiting: number; active: number }) => waiting + active === 0
const allOf = (requests: Parameters<typeof faultsOf>[0][]) =>
  requests.flatMap((request) => faultsOf(request, 'v26.0'))

test('what people write conforms', async () => {
  const receiver = await createReceiver()
  const { simulator, send } = await setup({ webhookUrl: receiver.url })
  const { body } = await send(codeFor('+221771234567'))
  await eventually(receiver.statuses, (statuses) => statuses.length === 3)
  simulator.inbound.reply('+221771234567', 'Déjà reçu ? C’est bon 👍 / merci')
  simulator.inbound.didNotRequestCode(body.messages[0].id)
  await eventually(receiver.changes, (changes) => changes.length === 5)
  expect(allOf(receiver.requests)).toEqual([])
})

const accountFields = [
  'account_alerts',
  'account_update',
  'business_capability_update',
  'message_template_quality_update',
  'message_template_status_update',
  'messages',
  'phone_number_quality_update',
  'template_category_update',
]

test('what is told of the account, its numbers and its templates conforms', async () => {
  const receiver = await createReceiver()
  const { simulator } = await setup({ webhookUrl: receiver.url, clock: { startAt: 1.8e12, speed: 0 } })
  const { account, templates, clock } = simulator
  for (const standing of ['restricted', 'good', 'locked', 'good'] as const)
    account.update({ business: { standing } })
  account.update({ business: { hasPaymentProblem: true, messagingLimit: 'TIER_10K' } })
  account.update({ business: { hasPaymentProblem: false, messagingLimit: 'TIER_UNLIMITED' } })
  account.update({ numbers: [{ id: '106540352242923', displayPhoneNumber: '15550783882' }] })
  account.update({ numbers: [{ id: identity.phoneNumberId, isUpgrading: true }] })
  const id = templates.all()[0]?.id ?? ''
  for (const qualityScore of ['YELLOW', 'RED', 'GREEN'] as const) templates.update(id, { qualityScore })
  for (const status of ['PAUSED', 'APPROVED', 'REJECTED', 'PENDING', 'APPROVED', 'DISABLED'] as const)
    templates.update(id, { status })
  templates.update(id, { category: 'UTILITY' })
  simulator.webhooks.announceError(130429)
  clock.advance(24 * 3_600_000)
  await eventually(() => simulator.state().webhook, settled)
  expect([...new Set(receiver.changes().map(({ field }) => field))].toSorted()).toEqual(accountFields)
  expect(allOf(receiver.requests)).toEqual([])
})
