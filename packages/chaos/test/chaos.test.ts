import { describe, expect, it } from 'vitest'
import type { Mutant } from '../src/mutants/mutants.ts'
import type { Fault } from '../src/plan.ts'
import { reportText } from '../src/report.ts'
import { isKept, runChaos, type Report } from '../src/run.ts'

/** One each of the faults that lose most where something is wrong, some of them at once. */
const PLAN: Fault[] = [
  { atMs: 1500, kind: 'worker killed', victim: 0, lengthMs: 1000 },
  { atMs: 3000, kind: 'meta reset after', victim: 0, lengthMs: 2500 },
  { atMs: 4000, kind: 'api killed', victim: 0, lengthMs: 500 },
  { atMs: 6000, kind: 'worker-redis silent', victim: 1, lengthMs: 3000 },
  { atMs: 7000, kind: 'worker frozen', victim: 0, lengthMs: 4000 },
  { atMs: 8000, kind: 'api-redis cut', victim: 1, lengthMs: 1500 },
  { atMs: 11_500, kind: 'redis killed', victim: 0, lengthMs: 500 },
  { atMs: 13_500, kind: 'worker-meta silent', victim: 0, lengthMs: 3000 },
  { atMs: 14_000, kind: 'api rolled', victim: 1, lengthMs: 0 },
  { atMs: 15_000, kind: 'meta-api cut', victim: 0, lengthMs: 2000 },
  { atMs: 16_500, kind: 'worker rolled', victim: 1, lengthMs: 0 },
]

describe.concurrent('under load, while processes, links and Redis fail', { timeout: 180_000 }, () => {
  it('nothing that was accepted is lost, and every second send is explained', async () => {
    const report = await run({ loadMs: 18_000, plan: PLAN, without: [] })
    expect(report.audit.accepted).toBeGreaterThan(0)
    expect(Object.keys(report.faults)).toEqual(PLAN.map(({ kind }) => kind).toSorted())
    expect(isKept(report), reportText(report)).toBe(true)
  })

  it('messages are lost without the sweep, and the auditor sees it', async () => {
    const report = await run({ loadMs: 8000, plan: PLAN.slice(0, 1), without: ['sweep'] })
    const lost = report.audit.lost.map(({ shown }) => shown?.status)
    expect(lost, reportText(report)).toContain('sent') // to phones that are off
    expect(isKept(report)).toBe(false)
    // It is the auditor who finds them: nobody else complained.
    expect(report.errors).toEqual([])
  })
})

function run(options: { loadMs: number; plan: Fault[]; without: Mutant[] }): Promise<Report> {
  return runChaos({
    ...options,
    seed: 17, // two phones among the first eighty never get anything
    ratePerSecond: 10,
    workers: 2,
    apis: 2,
    deliverWithinSeconds: 12,
    ...(options.without.length > 0 && { settleMarginMs: 10_000 }),
    say: () => undefined,
  })
}
