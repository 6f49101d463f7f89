/** Measures a case: its sides one after another, in another order each round, so that whatever the machine does meanwhile hits all. */
import { watchOthers } from './machine.mjs'
import { ratioSpread, spread } from './numbers.mjs'

/** A measurement while others used more of the machine is noisy. */
const QUIET = 0.15
const MOST_TRIES = 4

/**
 * @param sides by name (no bare numbers: they would come in another order), what measures it once: answers { figure: number }. The first is ours, the others are what it is held against
 * @param how.rounds
 * @param how.quiet a measurement that others disturbed is made again, a few times; the least disturbed one counts
 * @returns { case, others, figures: { figure: { sides: { name: { median, low, high, values } }, ratios: { name: { median, low, high } } } } };
 *   a ratio is ours to the other's, of the same round; `others` is the part of the machine that other programs used meanwhile
 */
export async function measureRounds(name, { rounds, quiet = false }, sides) {
  const names = Object.keys(sides)
  const measured = Object.fromEntries(names.map((side) => [side, []]))
  const others = []
  for (let round = 0; round < rounds; round += 1) {
    const order = names.map((_, i) => names[(i + round) % names.length])
    for (const side of order) {
      const best = await leastDisturbed(() => sides[side](round), quiet ? MOST_TRIES : 1)
      measured[side].push(best.figures)
      others.push(best.others)
    }
    process.stderr.write(`  ${name}: ${round + 1}/${rounds}\n`)
  }
  return { case: name, others: spread(others), figures: figuresOf(names, measured) }
}

async function leastDisturbed(measure, tries) {
  let best
  for (let tried = 0; tried < tries && !(best?.others <= QUIET); tried += 1) {
    const othersUsed = watchOthers()
    const figures = await measure()
    const others = othersUsed()
    if (!best || others < best.others) best = { figures, others }
  }
  return best
}

function figuresOf(names, measured) {
  const [ours, ...others] = names
  const all = new Set(names.flatMap((side) => Object.keys(measured[side][0])))
  const figures = {}
  for (const figure of all) {
    const valuesOf = (side) => measured[side].map((values) => values[figure])
    const having = names.filter((side) => measured[side].every((values) => values[figure] !== undefined))
    if (having.length === 0) continue
    const compared = others.filter((side) => having.includes(side) && having.includes(ours))
    figures[figure] = {
      sides: Object.fromEntries(
        having.map((side) => [side, { ...spread(valuesOf(side)), values: valuesOf(side) }]),
      ),
      ratios: Object.fromEntries(compared.map((side) => [side, ratioSpread(valuesOf(ours), valuesOf(side))])),
    }
  }
  return figures
}
