/** `fallback list` and `fallback reveal`: what fell back, and one code at a time, as the API gives it to this operator. */
import { fieldOf } from '@relais/core'
import { textOf, UsageError, type CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'
import { json, printable } from '../printable.ts'

const TIMEOUT_MS = 10_000

type Row = Record<string, unknown>

/** Answers the exit code. */
export async function listFallbacks(context: CommandContext): Promise<number> {
  const { print, paint } = context
  const query = new URLSearchParams()
  for (const name of ['limit', 'before', 'app']) {
    const value = textOf(context, name)
    if (value !== undefined) query.set(name, value)
  }
  const path = `/api/fallback${query.size > 0 ? `?${query.toString()}` : ''}`
  const asked = await askOperatorApi(context.environment(), {
    method: 'GET',
    path,
    timeoutMs: TIMEOUT_MS,
  })
  if (asked.kind === 'refused') return 1
  const { body } = asked
  if (context.values['json']) {
    print(json(body))
    return 0
  }
  const records = fieldOf(body, 'records')
  const rows = Array.isArray(records) ? (records as Row[]) : []
  for (const row of rows) print(`${lineOf(row, paint)}\n`)
  if (rows.length === 0) print('Nothing fell back in the last day.\n')
  const next = fieldOf(body, 'next')
  if (typeof next === 'string') print(`more: --before ${printable(next)}\n`)
  return 0
}

/** Prints the code. Answers the exit code. */
export async function revealCode(context: CommandContext): Promise<number> {
  const [id = ''] = context.positionals
  const reason = textOf(context, 'reason')?.trim()
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id))
    throw new UsageError('fallback reveal takes the id of a message, as fallback list shows it')
  if (!reason) throw new UsageError('fallback reveal takes --reason: why you need the code, for the audit')
  const path = `/api/fallback/${id}/reveal`
  const asked = await askOperatorApi(context.environment(), {
    method: 'POST',
    path,
    body: { reason },
    timeoutMs: TIMEOUT_MS,
  })
  if (asked.kind === 'refused') return 1
  const { body } = asked
  const text = (name: string) => printable(String(fieldOf(body, name)))
  if (context.values['json']) context.print(json(body))
  else {
    context.print(`${context.paint.bold(text('code'))}\n`)
    context.print(
      `For ${text('to')}, until ${text('expiresAt')}. Give it only to somebody who has shown that this number is theirs.\n`,
    )
  }
  return 0
}

function lineOf(row: Row, paint: Paint): string {
  const text = (name: string) => printable(typeof row[name] === 'string' ? row[name] : '')
  const state =
    row['isRevealable'] === true
      ? paint.bold(`revealable until ${text('expiresAt')}`)
      : row['revealedBy']
        ? `revealed to ${text('revealedBy')} at ${text('revealedAt')}`
        : row['usedAt']
          ? `used at ${text('usedAt')}`
          : 'not revealable'
  const columns = ['fellBackAt', 'messageId', 'app', 'to', 'reason', 'reference'].map(text)
  return [...columns.filter((column) => column !== ''), state].join('  ')
}
