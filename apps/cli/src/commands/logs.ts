/** `logs level`: how much all processes log, and for how long. */
import { fieldOf, LOG_LEVELS, MOST_LEVEL_MINUTES, SettingsError } from '@relais/core'
import { numberOf, UsageError, type CommandContext } from '../command.ts'
import { askApi, detailOf, findOperatorApi } from '../operator-api.ts'

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
  const api = findOperatorApi(environment())
  if ('fault' in api) throw new SettingsError([`The API cannot be asked: ${api.fault}. ${api.nextStep}`])
  const request =
    level === undefined
      ? ({ method: 'GET', path: PATH } as const)
      : ({ method: 'PUT', path: PATH, body: { level, minutes } } as const)
  const answer = await askApi(api, { ...request, timeoutMs: TIMEOUT_MS })
  if (answer.kind === 'fault' || answer.statusCode !== 200) {
    const why = answer.kind === 'fault' ? `${answer.why} ${answer.nextStep}` : detailOf(answer)
    process.stderr.write(`${why}\n`)
    return 1
  }
  if (values['json']) print(`${JSON.stringify(answer.body, null, 2)}\n`)
  else print(`${lineOf(answer.body)}\n`)
  return 0
}

function lineOf(state: object): string {
  const [level, usual, until] = ['level', 'usual', 'until'].map((name) => fieldOf(state, name))
  return typeof until === 'string' ? `${String(level)} until ${until}, then ${String(usual)}` : String(level)
}
