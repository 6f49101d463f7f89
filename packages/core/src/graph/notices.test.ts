import { describe, expect, it } from 'vitest'
import { readNotices } from './notices.ts'
import { readReceipts } from './receipts.ts'

const webhook = (field: string, value: object) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', time: 1_750_000_000, changes: [{ field, value }] }],
})

describe('what Meta says besides receipts', () => {
  it('a template is named as it is used in a send', () => {
    const value = {
      event: 'PAUSED',
      message_template_id: 594425479261596,
      message_template_name: 'otp_login',
      message_template_language: 'en-US',
      reason: 'LOW_QUALITY',
    }
    expect(readNotices(webhook('message_template_status_update', value))).toEqual([
      { kind: 'template', name: 'otp_login', language: 'en_US', event: 'PAUSED', reason: 'LOW_QUALITY' },
    ])
  })

  it.each([
    [
      'account_update',
      { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'today' } },
      { event: 'DISABLED_UPDATE', detail: 'DISABLE' },
    ],
    [
      'account_update',
      { event: 'ACCOUNT_RESTRICTION', restriction_info: [{ restriction_type: 'RESTRICTED_SENDING' }] },
      { event: 'ACCOUNT_RESTRICTION', detail: 'RESTRICTED_SENDING' },
    ],
    [
      'account_alerts',
      { entity_type: 'WABA', alert_info: { alert_severity: 'CRITICAL', alert_type: 'PAYMENT' } },
      { event: 'PAYMENT', detail: 'CRITICAL' },
    ],
    [
      'phone_number_quality_update',
      { event: 'THROUGHPUT_UPGRADE', max_daily_conversations_per_business: 'TIER_UNLIMITED' },
      { event: 'THROUGHPUT_UPGRADE', detail: 'TIER_UNLIMITED' },
    ],
  ])('%s is told with its event', (field, value, told) => {
    expect(readNotices(webhook(field, value))).toEqual([{ kind: 'account', field, ...told }])
  })

  it('a code that nobody asked for is told by the message, without the person', () => {
    const message = {
      from: '221771234567',
      id: 'wamid.in',
      type: 'button',
      button: { payload: 'DID_NOT_REQUEST_CODE', text: "I didn't request a code" },
      context: { from: '15550783881', id: 'wamid.out' },
    }
    const notices = readNotices(webhook('messages', { messages: [message] }))
    expect(notices).toEqual([{ kind: 'not-requested', providerMessageId: 'wamid.out' }])
    expect(JSON.stringify(notices)).not.toContain('221771234567')
  })

  it.each([[undefined], [null], ['x'], [{}], [{ entry: [{ changes: [{ field: 'messages' }] }] }], [[]]])(
    '%j is no notice',
    (body) => {
      expect(readNotices(body)).toEqual([])
    },
  )

  it('a value that has no text is no fault of ours', () => {
    const odd = { toString: 1, valueOf: 1 }
    const event = { event: odd, message_template_name: 'a', message_template_language: 'fr' }
    for (const body of [
      webhook('account_update', { event: odd, ban_info: odd, alert_info: odd }),
      webhook('message_template_status_update', event),
    ]) {
      expect(readNotices(body)).toMatchObject([{ event: 'unknown' }])
    }
    const statuses = [{ id: 'wamid.1', status: 'sent', timestamp: odd }]
    expect(readReceipts(webhook('messages', { statuses }))).toMatchObject([{ at: 0 }])
    const changes = [{ field: odd, value: {} }]
    expect(readNotices({ entry: [{ id: odd, changes }] })).toEqual([])
  })

  it('what else people write is not for us', () => {
    const message = { from: '221771234567', id: 'wamid.in', type: 'text', text: { body: 'hello' } }
    expect(readNotices(webhook('messages', { messages: [message] }))).toEqual([])
  })
})

describe('webhooks of an app with several numbers and accounts', () => {
  const ours = { phoneNumberId: '106540352242922', businessId: '102290129340398' }
  const status = { id: 'wamid.1', status: 'sent', timestamp: '1750030073' }
  const about = (phoneNumberId: string) => ({
    metadata: { phone_number_id: phoneNumberId },
    statuses: [status],
    messages: [{ button: { payload: 'DID_NOT_REQUEST_CODE' }, context: { id: 'wamid.1' } }],
  })
  const count = (body: object) => [readReceipts(body, ours).length, readNotices(body, ours).length]

  it('count when they are about ours, or do not say', () => {
    expect(count(webhook('messages', about(ours.phoneNumberId)))).toEqual([1, 1])
    expect(count(webhook('messages', { statuses: [status] }))).toEqual([1, 0])
    expect(count(webhook('account_update', { event: 'DISABLED_UPDATE' }))).toEqual([0, 1])
  })

  it('do not count when they are about another', () => {
    expect(count(webhook('messages', about('999')))).toEqual([0, 0])
    expect(
      count({
        ...webhook('account_update', {}),
        entry: [{ id: '999', changes: [{ field: 'account_update' }] }],
      }),
    ).toEqual([0, 0])
  })

  it('count for the number, whatever account they name', () => {
    const changes = [{ field: 'messages', value: about(ours.phoneNumberId) }]
    expect(count({ entry: [{ id: '0', changes }] })).toEqual([1, 1])
  })
})
