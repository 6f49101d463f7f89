import { expect, test } from 'vitest'
import { identity, setup } from './setup.ts'

const phonePath = `/v26.0/${identity.phoneNumberId}`

test('the phone number has the fields an operator asks for, and its id', async () => {
  const { get } = await setup({ verifiedName: 'Relais Démo' })
  const { body } = await get(`${phonePath}?fields=verified_name,display_phone_number,quality_rating,status`)
  expect(body).toEqual({
    verified_name: 'Relais Démo',
    display_phone_number: '15550783881',
    quality_rating: 'GREEN',
    status: 'CONNECTED',
    id: identity.phoneNumberId,
  })
  expect((await get(`${phonePath}?fields=health_status`)).body.health_status.can_send_message).toBe(
    'AVAILABLE',
  )
  expect((await get(phonePath)).body.throughput).toEqual({ level: 'STANDARD' })
})

test('one unknown field makes the whole call fail', async () => {
  const { get } = await setup()
  const { statusCode, body } = await get(`${phonePath}?fields=id,colour`)
  expect([statusCode, body.error.code]).toEqual([400, 100])
  expect(body.error.message).toContain('nonexisting field (colour)')
})

test('an object that is not ours, or not ours to read, is refused', async () => {
  const { get, simulator } = await setup()
  expect((await get('/v26.0/42')).body.error).toMatchObject({ code: 100, error_subcode: 33 })
  expect((await get(phonePath, null)).statusCode).toBe(401)
  const narrow = simulator.issueToken({ scopes: ['whatsapp_business_messaging'] })
  expect((await get(phonePath, narrow)).body.error.code).toBe(10)
})

test('the business lists its numbers and its templates; the code button is stored as a URL button', async () => {
  const { get } = await setup()
  const numbers = await get(`/v26.0/${identity.businessId}/phone_numbers`)
  expect(numbers.body.data).toMatchObject([{ id: identity.phoneNumberId }])
  expect(numbers.headers.get('x-business-use-case-usage')).toContain(identity.businessId)
  const { body } = await get(
    `/v26.0/${identity.businessId}/message_templates?fields=name,status,components&limit=100`,
  )
  expect(body.data).toMatchObject([{ name: 'otp_login', status: 'APPROVED', id: expect.any(String) }])
  expect(body).toMatchObject({
    data: [{ components: [{ type: 'BODY' }, { type: 'FOOTER' }, { buttons: [{ type: 'URL' }] }] }],
    paging: { cursors: {} },
  })
})
