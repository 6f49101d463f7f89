import { expect, test } from 'vitest'
import { checked, paths, reads } from './checked.ts'
import { codeTemplate, setup } from './setup.ts'

const everyPhoneField =
  'id,verified_name,display_phone_number,status,quality_rating,code_verification_status,name_status,platform_type,throughput,account_mode,whatsapp_business_manager_messaging_limit,health_status'
const everyTemplateField = 'name,language,status,category,components,quality_score,rejected_reason'

test('what an operator reads conforms, by default and with all fields', async () => {
  const { simulator } = await setup()
  for (const [operation, call] of reads) expect(await checked(simulator.graphUrl, operation, call)).toBe(200)
  for (const operation of ['phone_number', 'phone_numbers'] as const) {
    const path = operation === 'phone_number' ? paths.phoneNumber : paths.phoneNumbers
    expect(await checked(simulator.graphUrl, operation, { path, query: { fields: everyPhoneField } })).toBe(
      200,
    )
  }
  const templates = {
    path: paths.templates,
    query: { fields: everyTemplateField, limit: '1' },
  }
  expect(await checked(simulator.graphUrl, 'list_templates', templates)).toBe(200)
  expect(
    await checked(simulator.graphUrl, 'phone_number', {
      path: paths.phoneNumber,
      query: { fields: 'weather' },
    }),
  ).toBe(100)
})

test('templates made, listed and deleted conform', async () => {
  const { simulator } = await setup()
  const path = paths.templates
  expect(
    await checked(simulator.graphUrl, 'create_template', { method: 'POST', path, body: codeTemplate }),
  ).toBe(200)
  expect(
    await checked(simulator.graphUrl, 'create_template', { method: 'POST', path, body: codeTemplate }),
  ).not.toBe(200)
  const wrong = { ...codeTemplate, name: 'other', message_send_ttl_seconds: 29 }
  expect(await checked(simulator.graphUrl, 'create_template', { method: 'POST', path, body: wrong })).toBe(
    100,
  )
  expect(await checked(simulator.graphUrl, 'list_templates', { path, query: { limit: '1' } })).toBe(200)
  const named = { method: 'DELETE', path, query: { name: 'verification_code' } }
  expect(await checked(simulator.graphUrl, 'delete_template', named)).toBe(200)
  expect(await checked(simulator.graphUrl, 'delete_template', named)).not.toBe(200)
})

test('subscriptions conform', async () => {
  const { simulator } = await setup()
  const path = paths.subscriptions
  expect(await checked(simulator.graphUrl, 'subscribe', { method: 'POST', path })).toBe(200)
  expect(await checked(simulator.graphUrl, 'subscriptions', { path })).toBe(200)
  const astray = { override_callback_uri: 'http://127.0.0.1:9/hook', verify_token: 'v' }
  expect(await checked(simulator.graphUrl, 'subscribe', { method: 'POST', path, body: astray })).not.toBe(200)
  expect(await checked(simulator.graphUrl, 'unsubscribe', { method: 'DELETE', path })).toBe(200)
})
