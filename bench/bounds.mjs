/**
 * The bounds of bench/bounds.json. A bound has the `workload`, `case` and `figure` it is about; `to`, the side that ours is divided by (without it
 * the figure itself is bounded); `measured`, the median when it was set; `atLeast` or `atMost`, half of the way from there to a clear regression;
 * and `why`, where that is more than 30 % away.
 */
import { readFile } from 'node:fs/promises'
import { shown } from './numbers.mjs'

const FILE = new URL('./bounds.json', import.meta.url)
const LOOSE = 0.3

export async function readBounds() {
  return JSON.parse(await readFile(FILE, 'utf8'))
}

/**
 * A line for each bound that is broken, or that names what was not measured; bounds of workloads that did not run say nothing.
 * @param cases { workload, case, figures } of all that were measured
 * @param ran names of workloads
 */
export function brokenBounds(bounds, cases, ran) {
  return bounds
    .filter(({ workload }) => ran.includes(workload))
    .flatMap((bound) => {
      const measured = measuredBy(bound, cases)
      if (measured === undefined) return [`${nameOf(bound)} was not measured`]
      if (isKept(bound, measured)) return []
      const limit = bound.atLeast === undefined ? `at most ${bound.atMost}` : `at least ${bound.atLeast}`
      return [`${nameOf(bound)} is ${shown(measured)}, must be ${limit}`]
    })
}

/** A line for each bound that says too little, or nothing. */
export function badBounds(bounds) {
  return bounds.flatMap((bound) => {
    const { atLeast, atMost, measured, why } = bound
    const limits = [atLeast, atMost].filter((limit) => limit !== undefined)
    if (limits.length !== 1 || !(limits[0] > 0)) return [`${nameOf(bound)} has not one limit`]
    if (!(measured > 0) || !isKept(bound, measured)) return [`${nameOf(bound)} was broken when it was set`]
    const looseness = atLeast === undefined ? atMost / measured - 1 : 1 - atLeast / measured
    return looseness > LOOSE && !why ? [`${nameOf(bound)} is loose without a reason`] : []
  })
}

function measuredBy({ workload, case: name, figure, to }, cases) {
  const found = cases.find((each) => each.workload === workload && each.case === name)?.figures[figure]
  const median = (to === undefined ? found?.sides.relais : found?.ratios[to])?.median
  return Number.isFinite(median) ? median : undefined
}

function isKept({ atLeast = -Infinity, atMost = Infinity }, measured) {
  return measured >= atLeast && measured <= atMost
}

function nameOf({ workload, case: name, figure, to }) {
  return `${workload}, ${name}: ${figure}${to === undefined ? '' : ` to ${to}`}`
}
