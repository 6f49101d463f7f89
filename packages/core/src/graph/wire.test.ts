import { expect, it } from 'vitest'
import { readReceipts } from './receipts.ts'
import { acceptedId, readGraphError, sendBody } from './wire.ts'

const message = { id: 'msg_1', to: '+12015553931', template: 'verification_code', language: 'en_US' }

it('a code goes into body and button, as Meta documents it for authentication templates', () => {
  expect(sendBody(message, { type: 'otp', code: '000123' })).toEqual({
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: '+12015553931',
    type: 'template',
    biz_opaque_callback_data: 'msg_1',
    template: {
      name: 'verification_code',
      language: { code: 'en_US' },
      components: [
        { type: 'body', parameters: [{ type: 'text', text: '000123' }] },
        { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: '000123' }] },
      ],
    },
  })
})

it('a template without parameters has no components', () => {
  expect(sendBody(message, { type: 'template', parameters: [] })).toMatchObject({
    template: { name: 'verification_code', language: { code: 'en_US' } },
  })
  expect(JSON.stringify(sendBody(message, { type: 'template', parameters: [] }))).not.toContain('components')
})

it('a text asks for no link preview', () => {
  expect(sendBody(message, { type: 'text', text: 'Bonjour' })).toMatchObject({
    type: 'text',
    text: { preview_url: false, body: 'Bonjour' },
  })
})

it.each([
  [{ messages: [{ id: 'wamid.1' }] }, 'wamid.1'],
  [{ messages: [] }, undefined],
  [{ messages: [{ id: 5 }] }, undefined],
  [{ messages: { id: 'wamid.1' } }, undefined],
  [[], undefined],
  [null, undefined],
  ['wamid.1', undefined],
])('the id in %j is %s', (body, id) => {
  expect(acceptedId(body)).toBe(id)
})

it('an error is read whatever of it is missing', () => {
  expect(
    readGraphError(400, { error: { message: 'm', code: 190, error_subcode: 463, error_data: 'text' } }),
  ).toEqual({
    statusCode: 400,
    message: 'm',
    graphCode: 190,
    subcode: 463,
  })
  expect(readGraphError(500, { error: { code: 1 } })).toEqual({ statusCode: 500, message: '', graphCode: 1 })
  expect(readGraphError(500, { error: 'text' })).toBeUndefined()
  expect(readGraphError(200, { messages: [] })).toBeUndefined()
})

it('all status updates of a webhook are read, and nothing else of it', () => {
  const status = (id: string, over: object = {}) => ({ id, status: 'sent', timestamp: '1750030073', ...over })
  const body = {
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '1',
        changes: [
          {
            field: 'messages',
            value: { statuses: [status('a', { biz_opaque_callback_data: 'msg_1' }), status('b')] },
          },
          { field: 'messages', value: { messages: [{ id: 'inbound' }] } },
          { field: 'account_update', value: { statuses: [status('not ours')] } },
        ],
      },
      {
        id: '2',
        changes: [
          {
            field: 'messages',
            value: {
              statuses: [
                status('c', { status: 'failed', errors: [{ code: 131026, title: 'Message Undeliverable' }] }),
                status('d', { status: 'played' }),
                { status: 'sent' },
                null,
              ],
            },
          },
        ],
      },
    ],
  }
  expect(readReceipts(body)).toEqual([
    { providerMessageId: 'a', status: 'sent', at: 1_750_030_073_000, messageId: 'msg_1' },
    { providerMessageId: 'b', status: 'sent', at: 1_750_030_073_000 },
    {
      providerMessageId: 'c',
      status: 'failed',
      at: 1_750_030_073_000,
      graphCode: 131026,
      title: 'Message Undeliverable',
    },
  ])
  for (const nonsense of [null, 5, 'x', [], {}, { entry: 5 }, { entry: [{ changes: {} }] }]) {
    expect(readReceipts(nonsense)).toEqual([])
  }
})
