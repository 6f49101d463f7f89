import { expect, test } from 'vitest'
import { codeFor, identity, online, quick, settling, standsAt, textFor } from './setup.ts'

/** Nothing happens before the clock is moved. */
const timing = { ...quick, sent: { min: 1, max: 1 } }

test('a person who did not ask for a code says so with the button under it', async () => {
  const { simulator, send, settle, receiver } = await settling({ timing })
  const { body } = await send(codeFor(online))
  await settle()
  const { id } = simulator.inbound.didNotRequestCode(body.messages[0].id)
  await settle()
  expect(receiver.changes().at(-1)).toEqual({
    field: 'messages',
    value: {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '15550783881', phone_number_id: identity.phoneNumberId },
      contacts: [
        {
          profile: { name: expect.any(String) },
          wa_id: '221771234567',
          user_id: expect.stringMatching(/^SN\./),
        },
      ],
      messages: [
        {
          from: '221771234567',
          from_user_id: expect.stringMatching(/^SN\./),
          id,
          timestamp: String(standsAt / 1000 + 1),
          context: { from: '15550783881', id: body.messages[0].id },
          type: 'button',
          button: { payload: 'DID_NOT_REQUEST_CODE', text: "I didn't request a code" },
        },
      ],
    },
  })
})

test('a person writes a text', async () => {
  const { simulator, settle, receiver } = await settling({ timing })
  const { id } = simulator.inbound.reply('+221 77 123 45 67', 'Où est mon code ?')
  expect(id).toMatch(/^wamid\./)
  await settle()
  expect(receiver.changes()).toMatchObject([
    {
      value: { messages: [{ id, from: '221771234567', type: 'text', text: { body: 'Où est mon code ?' } }] },
    },
  ])
  expect(receiver.requests[0]).toMatchObject({ isSigned: true })
  expect(receiver.requests[0]?.entry[0]).not.toHaveProperty('time')
})

test('payloads of v25 name people by their numbers only', async () => {
  const { simulator, settle, receiver } = await settling({ timing })
  simulator.webhooks.setHabits({ version: 'v25.0' })
  simulator.inbound.reply(online, 'Bonjour')
  await settle()
  const value = receiver.changes()[0]?.value
  expect(value?.contacts?.[0]).not.toHaveProperty('user_id')
  expect(value?.messages?.[0]).not.toHaveProperty('from_user_id')
})

test.each([
  [{ isOff: true }, 'phone is off'],
  [{ hasNoWhatsApp: true }, 'no WhatsApp'],
  [{ hasBlockedUs: true }, 'has blocked us'],
])('a phone with %j writes nothing: %s', async (switches, problem) => {
  const { simulator } = await settling({ timing })
  simulator.recipients.set(online, switches)
  expect(simulator.inbound.reply(online, 'Bonjour')).toEqual({ problem })
})

test.each([
  ['0612345678', 'Bonjour', 'not a number'],
  [online, '', 'not 1 to 4096 characters'],
  [online, 'x'.repeat(4097), 'not 1 to 4096 characters'],
])('%s cannot write %j', async (number, text, problem) => {
  const { simulator } = await settling({ timing })
  expect(simulator.inbound.reply(number, text)).toEqual({ problem })
})

test('the button needs a code that was delivered', async () => {
  const { simulator, send, settle } = await settling({ timing })
  const press = simulator.inbound.didNotRequestCode
  expect(press('wamid.none')).toEqual({ problem: 'no such message' })
  const code = (await send(codeFor(online))).body.messages[0].id
  expect(press(code)).toEqual({ problem: 'not delivered' })
  const text = (await send(textFor(online))).body.messages[0].id
  await settle()
  expect(press(text)).toEqual({ problem: 'not a code' })
  expect(press(code)).toMatchObject({ id: expect.stringMatching(/^wamid\./) })
})
