/** What sends notice of a token renewal. */
import { watchOthers } from '../machine.mjs'
import { spread } from '../numbers.mjs'
import { measureRounds } from '../rounds.mjs'
import { atRate, warmUp } from './latency.mjs'

const PER_SECOND = { usual: 500, short: 300 }
const PATH = '/api/wallet/refresh-whatsapp-token'

/** The renewal begins so long after the warm-up, and the load goes on for a moment after it. */
const AFTER_SECONDS = 1
const SECONDS = 2.2

export const renewal = {
  about: 'Sends that begin while the token is renewed, against those of the second before.',

  async run(bench) {
    const system = await bench.startRelais({ workers: 1 })
    const perSecond = bench.pick(PER_SECOND)
    const rounds = []
    const others = []
    const measure = async () => {
      const { port, opsHeaders: headers } = system
      const plan = {
        perSecond,
        seconds: SECONDS,
        renewal: { afterSeconds: AFTER_SECONDS, port, path: PATH, headers },
      }
      const othersUsed = watchOthers()
      const told = await atRate(bench, system, plan)
      others.push(othersUsed())
      if (told.renewal?.status !== 200) throw new Error(`not renewed: ${told.renewal?.status}`)
      rounds.push(told.renewal)
    }
    await warmUp(bench, { system })
    for (let round = 0; round < bench.how.rounds; round += 1) await measure()
    await system.stop()
    const figures = ({ p50, p99, most }) => ({ 'p50 ms': p50, 'p99 ms': p99, 'longest ms': most })
    const during = (round) => ({
      ...figures(rounds[round].during),
      'p50 longer by ms': rounds[round].during.p50 - rounds[round].before.p50,
      'p99 longer by ms': rounds[round].during.p99 - rounds[round].before.p99,
      'longest longer by ms': rounds[round].during.most - rounds[round].before.most,
      'renewal ms': rounds[round].tookMs,
    })
    const sides = { relais: during, before: (round) => figures(rounds[round].before) }
    return [{ ...(await measureRounds(`${perSecond}/s`, bench.how, sides)), others: spread(others) }]
  },
}
