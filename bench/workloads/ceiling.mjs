/** The most that the whole chain takes, and a minute at what one number may send. */
import { measureRounds } from '../rounds.mjs'
import { watchOthers } from '../machine.mjs'
import { spread } from '../numbers.mjs'
import { atRate, figuresOf, warmUp } from './latency.mjs'
import { highestHeld } from './highest-held.mjs'

/** Each a tenth above the one before: 250/s to 5,800/s. The search begins in the middle of what is likely. */
const RATES = Array.from({ length: 34 }, (_, i) => Math.round(25 * 1.1 ** i) * 10)
const FIRST = RATES.findIndex((rate) => rate >= 1500)
const FIRST_STRIDE = 4
const SECONDS = { usual: 2, short: 1 }

/** A rate is held if the load could be made and of no more than so many seconds' messages it is true that they are left. */
const MOST_LEFT_SECONDS = 0.05
const MOST_LATE_MS = 200

const HELD_PER_SECOND = 1000
const HELD_SECONDS = { usual: 60, short: 10 }
const WINDOW_SECONDS = { usual: 10, short: 2 }

export const ceiling = {
  about:
    'The whole chain, everything on this machine: the highest rate that leaves no backlog (in steps of a tenth; what is not at Meta 100 ms after the last request is left), against the bare chain with axios and with `request`; and 1,000/s for a minute, with the range of its parts of ten seconds.',

  async run(bench) {
    const systems = {
      relais: await bench.startRelais({ workers: 1 }),
      bare: await bench.startBare({ workers: 1 }),
      request: await bench.startBare({ workers: 1, client: 'request' }),
    }
    await warmUp(bench, systems)
    const sides = Object.entries(systems).map(([side, system]) => [side, createSearch(bench, system)])
    const highest = await measureRounds('highest rate held', bench.how, Object.fromEntries(sides))
    const minute = await hold(bench, systems.relais)
    await Promise.all(Object.values(systems).map((system) => system.stop()))
    return [highest, minute]
  },
}

/** Each search begins where the one before has ended. */
function createSearch(bench, system) {
  let from = FIRST
  let stride = FIRST_STRIDE
  return async () => {
    const found = await highestHeld({
      from,
      stride,
      most: RATES.length,
      holds: (place) => holds(bench, system, RATES[place]),
    })
    from = Math.max(found, 0)
    stride = 1
    return { 'messages/s': RATES[found] ?? 0 }
  }
}

async function holds(bench, system, perSecond) {
  const { left, missing, lateMs, refused } = await atRate(bench, system, {
    perSecond,
    seconds: bench.pick(SECONDS),
  })
  return refused + missing === 0 && left <= MOST_LEFT_SECONDS * perSecond && lateMs <= MOST_LATE_MS
}

async function hold(bench, system) {
  const othersUsed = watchOthers()
  const told = await atRate(bench, system, {
    perSecond: HELD_PER_SECOND,
    seconds: bench.pick(HELD_SECONDS),
    windowSeconds: bench.pick(WINDOW_SECONDS),
  })
  const parts = told.windows.map((part) => figuresOf({ ...told, ...part }))
  const whole = figuresOf(told)
  const figures = Object.entries(whole).map(([figure, median]) => {
    const values = parts.map((part) => part[figure])
    return [figure, { sides: { relais: { ...spread(values), median, values } }, ratios: {} }]
  })
  return {
    case: `${HELD_PER_SECOND}/s held`,
    others: spread([othersUsed()]),
    figures: Object.fromEntries(figures),
  }
}
