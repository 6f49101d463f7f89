/** `alerts` and `alerts test`: what is wrong and was told, and whether it would be told, as the API says it to this operator. */
import { fieldOf, listOf } from '@relais/core'
import type { CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'
import { json, printable } from '../printable.ts'

/** Longer than the receiver may take. */
const TIMEOUT_MS = 10_000

type Row = Record<string, unknown>

/** Answers the exit code: 1 if something is wrong. */
export async function listAlerts(context: CommandContext): Promise<number> {
  const { print, paint, environment } = context
  const request = { method: 'GET', path: '/api/admin/alerts', timeoutMs: TIMEOUT_MS } as const
  const asked = await askOperatorApi(environment(), request)
  if (asked.kind === 'refused') return 1
  const { body } = asked
  const rows = listOf(fieldOf(body, 'firing')) as Row[]
  if (context.values['json']) print(json(body))
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
  const request = { method: 'POST', path: '/api/admin/alerts/test', timeoutMs: TIMEOUT_MS } as const
  const asked = await askOperatorApi(context.environment(), request)
  if (asked.kind === 'refused') return 1
  const statusCode = Number(fieldOf(asked.body, 'statusCode'))
  if (context.values['json']) context.print(json(asked.body))
  else context.print(`The receiver took the test (${statusCode}). Has anybody seen it?\n`)
  return 0
}

function linesOf(row: Row, paint: Paint): string {
  const text = (name: string) => printable(typeof row[name] === 'string' ? row[name] : '')
  const severity = row['severity'] === 'critical' ? paint.red('critical') : paint.yellow('warning')
  const name = [text('id'), text('subject')].filter(Boolean).join(' ')
  const clearing = row['isClearing'] === true ? '  (not seen any more)' : ''
  return `${severity}  ${paint.bold(name)}  since ${text('since')}${clearing}\n  ${text('what')}\n  ${text('remedy')}\n`
}
