import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Finding, FindingId } from '../diagnosis.ts'
import { alertTimes, follow, MOST_ALERTS, type Decision, type Mode, type Watched } from './alert-states.ts'

const TIMES = alertTimes({ fireAfterSeconds: 10, clearAfterSeconds: 30 })
const NOTHING: Watched = { mode: {}, alerts: new Map() }

const finding = (id: FindingId, severity: Finding['severity'] = 'critical', subject?: string): Finding => ({
  id,
  severity,
  what: `${id} is wrong.`,
  remedy: 'Mend it.',
  ...(subject !== undefined && { subject }),
})

/** Looks at these seconds; what is told, as `second word name`. */
function run(looks: [second: number, findings: Finding[], mode?: Mode][], from = NOTHING): string[] {
  let watched = from
  return looks.flatMap(([second, findings, mode = 'connected']) => {
    const after = follow(watched, { at: second * 1000, mode, findings }, TIMES)
    watched = after.watched
    return after.decisions.map((decision) => `${second} ${told(decision)}`)
  })
}

function told(decision: Decision): string {
  if (decision.type === 'mode.changed') return `${decision.from} to ${decision.to}`
  const { id, subject, severity } = decision.finding
  const name = subject === undefined ? id : `${id} ${subject}`
  return `${decision.type === 'alert.over' ? 'over' : `firing ${severity}`} ${name}`
}

const dead = finding('token_dead')
const slow = finding('provider_slow', 'warning')

describe('an alert', () => {
  it.each<[string, Parameters<typeof run>[0], string[]]>([
    [
      'critical: fires after ten seconds',
      [
        [0, [dead]],
        [9, [dead]],
        [10, [dead]],
      ],
      ['10 firing critical token_dead'],
    ],
    [
      'warning: fires after a minute',
      [
        [0, [slow]],
        [59, [slow]],
        [60, [slow]],
      ],
      ['60 firing warning provider_slow'],
    ],
    [
      'is not told when it was gone in between',
      [
        [0, [dead]],
        [5, []],
        [6, [dead]],
        [15, [dead]],
      ],
      [],
    ],
    [
      'is told once',
      [
        [0, [dead]],
        [10, [dead]],
        [20, [dead]],
        [99, [dead]],
      ],
      ['10 firing critical token_dead'],
    ],
    [
      'is over when it was not seen for half a minute',
      [
        [0, [dead]],
        [10, [dead]],
        [11, []],
        [40, []],
        [41, []],
        [99, []],
      ],
      ['10 firing critical token_dead', '41 over token_dead'],
    ],
    [
      'that flaps fires once',
      [
        [0, [dead]],
        [10, [dead]],
        [20, []],
        [40, [dead]],
        [45, []],
        [70, [dead]],
        [99, [dead]],
      ],
      ['10 firing critical token_dead'],
    ],
    [
      'that is over can come again',
      [
        [0, [dead]],
        [10, [dead]],
        [20, []],
        [50, []],
        [60, [dead]],
        [70, [dead]],
      ],
      ['10 firing critical token_dead', '50 over token_dead', '70 firing critical token_dead'],
    ],
    [
      'of severity note is none',
      [
        [0, [finding('pair_limited', 'note')]],
        [999, [finding('pair_limited', 'note')]],
      ],
      [],
    ],
    [
      'of each subject is one of its own',
      [
        [0, [finding('template_paused', 'critical', 'a fr'), finding('template_paused', 'critical', 'b fr')]],
        [10, [finding('template_paused', 'critical', 'a fr')]],
      ],
      ['10 firing critical template_paused a fr'],
    ],
    [
      'a warning that becomes critical is told again, and its end once',
      [
        [0, [finding('redis_full', 'warning')]],
        [60, [finding('redis_full', 'warning')]],
        [65, [finding('redis_full')]],
        [74, [finding('redis_full')]],
        [75, [finding('redis_full')]],
        [80, [finding('redis_full', 'warning')]],
        [90, []],
        [120, []],
      ],
      ['60 firing warning redis_full', '75 firing critical redis_full', '120 over redis_full'],
    ],
    [
      'waits anew when the clock is set back',
      [
        [100, [dead]],
        [50, [dead]],
        [59, [dead]],
        [60, [dead]],
      ],
      ['60 firing critical token_dead'],
    ],
  ])('%s', (_what, looks, expected) => {
    expect(run(looks)).toEqual(expected)
  })

  it('fires and is over at the first look where the settings have it wait for nothing', () => {
    const times = alertTimes({ fireAfterSeconds: 0, clearAfterSeconds: 0 })
    const first = follow(NOTHING, { at: 1000, mode: 'fallback', findings: [dead, slow] }, times)
    expect(first.decisions.map(told)).toEqual(['firing critical token_dead', 'firing warning provider_slow'])
    const second = follow(first.watched, { at: 1001, mode: 'fallback', findings: [] }, times)
    expect(second.decisions.map(told)).toEqual(['over token_dead', 'over provider_slow'])
    expect(second.watched.alerts.size).toBe(0)
  })

  it('is not watched beyond a number of them', () => {
    const many = Array.from({ length: MOST_ALERTS + 50 }, (_, i) =>
      finding('delivered_ratio', 'warning', `t${i}`),
    )
    const { watched } = follow(NOTHING, { at: 0, mode: 'connected', findings: many }, TIMES)
    expect(watched.alerts.size).toBe(MOST_ALERTS)
  })
})

describe('the mode', () => {
  it.each<[string, [number, Mode][], string[]]>([
    [
      'that is seen first is no change',
      [
        [0, 'degraded'],
        [10, 'degraded'],
        [99, 'degraded'],
      ],
      [],
    ],
    [
      'fallback is told at once',
      [
        [0, 'connected'],
        [10, 'connected'],
        [11, 'fallback'],
      ],
      ['11 connected to fallback'],
    ],
    [
      'degraded is told when it lasts',
      [
        [0, 'connected'],
        [10, 'connected'],
        [11, 'degraded'],
        [20, 'degraded'],
        [21, 'degraded'],
      ],
      ['21 connected to degraded'],
    ],
    [
      'degraded for a moment is not told',
      [
        [0, 'connected'],
        [10, 'connected'],
        [11, 'degraded'],
        [15, 'connected'],
        [16, 'degraded'],
        [25, 'degraded'],
      ],
      [],
    ],
    [
      'connected is told when it lasts, whatever was better in between',
      [
        [0, 'connected'],
        [10, 'connected'],
        [11, 'fallback'],
        [20, 'degraded'],
        [49, 'connected'],
        [50, 'connected'],
      ],
      ['11 connected to fallback', '50 fallback to connected'],
    ],
  ])('%s', (_what, modes, expected) => {
    expect(run(modes.map(([second, mode]) => [second, [], mode]))).toEqual(expected)
  })

  it('says why: with the worst that is wrong, or in words of its own', () => {
    const watched: Watched = { mode: { told: 'connected' }, alerts: new Map() }
    const why = (findings: Finding[]) =>
      follow(watched, { at: 0, mode: 'fallback', findings }, TIMES).decisions[0]
    expect(why([slow, dead])).toMatchObject({ why: dead.what })
    expect(why([])).toMatchObject({ why: expect.stringMatching(/^Nothing can be sent/) })
  })
})

const anyFinding = fc.record({
  id: fc.constantFrom<FindingId>('token_dead', 'redis_full', 'template_paused'),
  severity: fc.constantFrom<Finding['severity']>('critical', 'warning', 'note'),
  subject: fc.constantFrom('a', 'b'),
})
const anyLooks = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 90_000 }),
    mode: fc.constantFrom<Mode>('connected', 'degraded', 'fallback'),
    findings: fc.array(anyFinding, { maxLength: 4 }),
  }),
  { maxLength: 60 },
)

it('whatever is seen, begins and ends take turns, and each change of the mode follows the one before it', () => {
  fc.assert(
    fc.property(anyLooks, (looks) => {
      let watched = NOTHING
      let at = 0
      const begun = new Map<string, Finding['severity']>()
      let mode: Mode | undefined
      for (const { afterMs, findings, ...look } of looks) {
        at += afterMs
        const seen = findings.map(({ id, severity, subject }) => finding(id, severity, subject))
        const after = follow(watched, { at, mode: look.mode, findings: seen }, TIMES)
        watched = after.watched
        for (const decision of after.decisions) {
          if (decision.type === 'mode.changed') {
            expect(decision.from).not.toBe(decision.to)
            if (mode !== undefined) expect(decision.from).toBe(mode)
            mode = decision.to
            continue
          }
          const { severity, id, subject } = decision.finding
          const name = `${id} ${subject}`
          if (decision.type === 'alert.over') expect(begun.delete(name)).toBe(true)
          else {
            // Only to become critical does it begin twice.
            if (begun.has(name)) expect([begun.get(name), severity]).toEqual(['warning', 'critical'])
            begun.set(name, severity)
          }
        }
      }
      const firing = [...watched.alerts].filter(([, { state }]) => state !== 'pending').map(([name]) => name)
      expect(firing.toSorted()).toEqual([...begun.keys()].toSorted())
    }),
  )
})
