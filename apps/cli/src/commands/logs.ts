/** `logs level`: how much all processes log, and for how long. */
import { fieldOf, LOG_LEVELS, MOST_LEVEL_MINUTES } from '@relais/core'
import { numberOf, UsageError, type CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import { json } from '../printable.ts'

const TIMEOUT_MS = 10_000

const PATH = '/api/admin/log-level'

const MINUTES = { min: 1, max: MOST_LEVEL_MINUTES, fallback: 15 }

/** Answers the exit code. */
export async function logLevel(context: CommandContext): Promise<number> {
  const { positionals, values, environment, print } = context
  const [level] = positionals
  const minutes = numberOf(context, 'minutes', MINUTES)
  if (level === undefined && values['minutes'] !== undefined)
    throw new UsageError('logs level takes --minutes with a level only')
  if (level !== undefined && !LOG_LEVELS.some((each) => each === level))
    throw new UsageError(`logs level takes one of ${LOG_LEVELS.join(', ')}`)
  const asked = await askOperatorApi(environment(), {
    ...(level === undefined ? { method: 'GET' } : { method: 'PUT', body: { level, minutes } }),
    path: PATH,
    timeoutMs: TIMEOUT_MS,
  })
  if (asked.kind === 'refused') return 1
  print(values['json'] ? json(asked.body) : `${lineOf(asked.body)}\n`)
  return 0
}

function lineOf(state: object): string {
  const [level, usual, until] = ['level', 'usual', 'until'].map((name) => fieldOf(state, name))
  return typeof until === 'string' ? `${String(level)} until ${until}, then ${String(usual)}` : String(level)
}
