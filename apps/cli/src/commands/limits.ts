/** `limits`: what operators rule about prefixes of numbers, and what the guard against pumping has stopped. */
import {
  ALL_APPS,
  createRulings,
  RULING_MOST_MS,
  RulingError,
  type GuardStop,
  type Ruling,
} from '@relais/core'
import { numberOf, textOf, UsageError, type CommandContext } from '../command.ts'
import { iso } from '../times.ts'
import { withRedis } from '../with-redis.ts'
import { json, printable } from '../printable.ts'

const HOUR_MS = 3_600_000
const HOURS = { min: 1, max: RULING_MOST_MS / HOUR_MS, fallback: 24 }

/** Answers the exit code. */
export function listLimits({ values, environment, print, paint }: CommandContext): Promise<number> {
  return withRedis(environment(), async (inside) => {
    const { rulings, stops } = await createRulings(inside).list()
    const shown = { rulings: rulings.map(rulingRow), stops: stops.map(stopRow) }
    if (values['json']) {
      print(json(shown))
      return 0
    }
    for (const { prefix, app, ruling, until, by, why } of shown.rulings) {
      const what = ruling === 'stop' ? paint.red('stopped') : paint.green('allowed')
      print(
        `${[what, ...[prefix, appText(app), `until ${until}`, `by ${by}:`, why].map(printable)].join('  ')}\n`,
      )
    }
    for (const { prefix, app, since } of shown.stops) {
      print(
        `${[paint.red('stopped'), ...[prefix, appText(app), `since ${since}`].map(printable), 'by the guard'].join('  ')}\n`,
      )
    }
    if (rulings.length + stops.length === 0) print('No prefix is stopped, and nothing is ruled.\n')
    return 0
  })
}

/** Answers the exit code. */
export function ruleLimit(context: CommandContext, ruling: Ruling['ruling']): Promise<number> {
  const what = readWhat(context)
  const hours = numberOf(context, 'hours', HOURS)
  const why = textOf(context, 'why') ?? ''
  if (!/\S/.test(why) || why.length > 200) throw new UsageError('--why must say why, in up to 200 characters')
  return withRedis(context.environment(), async ({ actor, ...inside }) => {
    const rule = createRulings(inside).rule({ ...what, ruling, by: actor, why, forMs: hours * HOUR_MS })
    const row = rulingRow(await rule.catch(asUsage))
    const done = ruling === 'stop' ? 'is stopped' : 'is allowed'
    if (context.values['json']) context.print(json(row))
    else context.print(`${row.prefix} ${done} for ${appText(row.app)} until ${row.until}.\n`)
    return 0
  })
}

/** Answers the exit code. */
export function clearLimit(context: CommandContext): Promise<number> {
  const what = readWhat(context)
  return withRedis(context.environment(), async ({ actor, ...inside }) => {
    await createRulings(inside)
      .clear({ ...what, by: actor })
      .catch(asUsage)
    if (context.values['json']) context.print(json(what))
    else context.print(`Nothing is ruled about ${what.prefix} for ${appText(what.app)} any more.\n`)
    return 0
  })
}

function readWhat(context: CommandContext): { app: string; prefix: string } {
  const [prefix = ''] = context.positionals
  return { app: textOf(context, 'app') ?? ALL_APPS, prefix }
}

function asUsage(error: unknown): never {
  throw error instanceof RulingError ? new UsageError(error.message) : error
}

function rulingRow({ until, ...ruling }: Ruling) {
  return { ...ruling, until: iso(until) }
}

function stopRow({ since, ...stop }: GuardStop) {
  return { ...stop, since: iso(since) }
}

function appText(app: string): string {
  return app === ALL_APPS ? 'all apps' : app
}
