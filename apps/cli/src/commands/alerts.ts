/** `alerts` and `alerts test`: what is wrong and was told, and whether it would be told, as the API says it to this operator. */
import { fieldOf, SettingsError } from '@relais/core'
import type { CommandContext } from '../command.ts'
import { askApi, detailOf, findOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'

/** Longer than the receiver may take. */
const TIMEOUT_MS = 10_000

type Row = Record<string, unknown>

/** Answers the exit code: 1 if something is wrong. */
export async function listAlerts(context: CommandContext): Promise<number> {
  const body = await ask(context, { method: 'GET', path: '/api/admin/alerts' })
  if (!body) return 1
  const { print, paint } = context
  const firing = fieldOf(body, 'firing')
  const rows = Array.isArray(firing) ? (firing as Row[]) : []
  if (context.values['json']) print(`${JSON.stringify(body, null, 2)}\n`)
  else {
    for (const row of rows) print(linesOf(row, paint))
    if (rows.length === 0) print(`${paint.green('Nothing is wrong that operators are told of.')}\n`)
    const undelivered = Number(fieldOf(body, 'undelivered'))
    if (fieldOf(body, 'isPosted') !== true)
      print('ALERT_WEBHOOK_URL is not set: alerts are only in the log.\n')
    if (undelivered > 0)
      print(paint.yellow(`${undelivered} notifications were not taken by the receiver yet.\n`))
  }
  return rows.length > 0 ? 1 : 0
}

/** Answers the exit code: 1 if nobody took it. */
export async function testAlerts(context: CommandContext): Promise<number> {
  const body = await ask(context, { method: 'POST', path: '/api/admin/alerts/test' })
  if (!body) return 1
  if (context.values['json']) context.print(`${JSON.stringify(body, null, 2)}\n`)
  else
    context.print(
      `The receiver took the test (${String(fieldOf(body, 'statusCode'))}). Has anybody seen it?\n`,
    )
  return 0
}

/** The answer; undefined if there is none, and it has been said why. */
async function ask(
  { environment }: CommandContext,
  request: { method: 'GET' | 'POST'; path: string },
): Promise<object | undefined> {
  const api = findOperatorApi(environment())
  if ('fault' in api) throw new SettingsError([`The API cannot be asked: ${api.fault}. ${api.nextStep}`])
  const answer = await askApi(api, { ...request, timeoutMs: TIMEOUT_MS })
  if (answer.kind === 'answer' && answer.statusCode === 200) return answer.body
  const why = answer.kind === 'answer' ? detailOf(answer) : `${answer.why} ${answer.nextStep}`
  process.stderr.write(`${printable(why)}\n`)
  return undefined
}

function linesOf(row: Row, paint: Paint): string {
  const text = (name: string) => printable(typeof row[name] === 'string' ? row[name] : '')
  const severity = row['severity'] === 'critical' ? paint.red('critical') : paint.yellow('warning')
  const name = [text('id'), text('subject')].filter(Boolean).join(' ')
  const clearing = row['isClearing'] === true ? '  (not seen any more)' : ''
  return `${severity}  ${paint.bold(name)}  since ${text('since')}${clearing}\n  ${text('what')}\n  ${text('remedy')}\n`
}

/** Some of the words are Meta's: they must not drive the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
