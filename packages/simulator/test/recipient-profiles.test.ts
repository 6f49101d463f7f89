import { expect, test } from 'vitest'
import { codeFor, eventually, online, setup, textFor } from './setup.ts'

test.each([
  ['0030', 400, 131030, 2655007],
  ['0056', 400, 131056, undefined],
  ['0100', 400, 100, undefined],
  ['0130', 404, 132001, undefined],
  ['0190', 401, 190, 463],
  ['0368', 403, 368, undefined],
  ['0429', 400, 130429, 2494055],
  ['0500', 500, 131000, undefined],
  ['0503', 503, 2, undefined],
])(
  'a number ending in %s is refused with %i/%i, every time',
  async (ending, statusCode, graphCode, subcode) => {
    const { send, simulator } = await setup()
    for (let time = 0; time < 2; time += 1) {
      const answer = await send(codeFor(`+22177123${ending}`))
      const { code, error_subcode: answered } = answer.body.error
      expect([answer.statusCode, code, answered]).toEqual([statusCode, graphCode, subcode])
    }
    expect(simulator.messages()).toEqual([])
  },
)

test.each([
  ['4567', ['sent', 'delivered', 'read']],
  ['0001', ['sent']],
  ['0002', ['sent', 'delivered']],
  ['0003', ['sent', 'read']],
  ['0004', ['sent', 'delivered', 'failed 131026']],
  ['0026', ['failed 131026']],
  ['0042', ['failed 131042']],
  ['0043', ['sent', 'failed 131043']],
  ['0047', ['sent', 'delivered', 'read']],
])('a code to a number ending in %s is accepted, then %j', async (ending, expected) => {
  const { send, simulator } = await setup()
  expect((await send(codeFor(`+22177123${ending}`))).statusCode).toBe(200)
  // Statuses are played in the order of acceptance: once the later message is read, nothing of the first is due.
  await send(codeFor(online))
  await eventually(
    () => simulator.messages()[1]?.statuses.length,
    (count) => count === 3,
  )
  const first = simulator.messages()[0]?.statuses ?? []
  expect(first.map(({ status, graphCode }) => [status, graphCode].join(' ').trim())).toEqual(expected)
})

test('text to a number ending in 0047 fails: its window is closed', async () => {
  const { send, simulator } = await setup()
  await send(textFor('+221771230047'))
  const statuses = await eventually(
    () => simulator.messages()[0]?.statuses ?? [],
    ({ length }) => length > 0,
  )
  expect(statuses).toMatchObject([{ status: 'failed', graphCode: 131047 }])
})

test('a number without + is judged after the country code was put before it', async () => {
  const { send } = await setup()
  expect((await send(codeFor('4155550500'))).statusCode).toBe(500)
})

test('0998 loses the connection before acceptance, 0999 after it', async () => {
  const { send, simulator } = await setup()
  await expect(send(codeFor('+221771230998'))).rejects.toThrow()
  expect(simulator.messages()).toEqual([])
  await expect(send(codeFor('+221771230999'))).rejects.toThrow()
  expect(simulator.messages()).toMatchObject([{ to: '+221771230999', callbackData: 'msg_1' }])
  expect(simulator.calls()).toMatchObject([
    { statusCode: null, to: '+221771230998' },
    { statusCode: null, to: '+221771230999', messageId: simulator.messages()[0]?.id },
  ])
})

test('a country WhatsApp does not serve stays at sent', async () => {
  const { send, simulator } = await setup()
  await send(codeFor('+5351234567'))
  await send(codeFor(online))
  await eventually(
    () => simulator.messages()[1]?.statuses.length,
    (count) => count === 3,
  )
  expect(simulator.messages()[0]?.statuses).toMatchObject([{ status: 'sent' }])
})
