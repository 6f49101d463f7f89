import { Secret, type GraphFault, type PhoneNumberNode } from '@relais/core'
import { expect, it } from 'vitest'
import { createThroughput } from '../src/throughput.ts'

/** A Meta that gives these answers, one after another. */
function setup(answers: (PhoneNumberNode | GraphFault)[]) {
  const ceilings: number[] = []
  const said: unknown[][] = []
  const throughput = createThroughput({
    sender: {
      phoneNumberId: '106540352242922',
      ratePerSecond: 100,
      accessToken: { withAccessToken: (use) => use({ accessToken: new Secret('EAAtoken') }, 1) },
    },
    graph: { phoneNumber: async () => answers.shift() ?? { kind: 'unreachable', detail: 'no answer' } },
    pacing: { setCeiling: (ratePerSecond) => void ceilings.push(ratePerSecond) },
    events: { senderThroughput: (...facts) => void said.push(facts) },
  })
  return { throughput, ceilings, said }
}

const number = (throughputLevel?: string): PhoneNumberNode => ({
  kind: 'phone-number',
  ...(throughputLevel !== undefined && { throughputLevel }),
})

it('what Meta allows the number bounds the pace, and is said once', async () => {
  const { throughput, ceilings, said } = setup([number('STANDARD'), number('STANDARD'), number('HIGH')])
  for (let i = 0; i < 3; i += 1) expect(await throughput.once()).toBe(true)
  expect(ceilings).toEqual([80, 1000])
  expect(said).toEqual([
    ['STANDARD', 80, true],
    ['HIGH', 1000, false],
  ])
})

it('a level that is not known, or none, changes nothing', async () => {
  const { throughput, ceilings } = setup([number('NOT_APPLICABLE'), number()])
  expect(await throughput.once()).toBe(true)
  expect(await throughput.once()).toBe(true)
  expect(ceilings).toEqual([])
})

it('without an answer the last one holds', async () => {
  const { throughput, ceilings } = setup([number('STANDARD')])
  expect(await throughput.once()).toBe(true)
  expect(await throughput.once()).toBe(false)
  expect(ceilings).toEqual([80])
})
