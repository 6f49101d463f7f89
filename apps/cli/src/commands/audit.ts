/** `audit`: who did what, and whether the record of it is whole. */
import type { AuditRecord } from '@relais/core'
import { numberOf, type CommandContext } from '../command.ts'
import { iso } from '../times.ts'
import { withRedis } from '../with-redis.ts'
import { json, printable } from '../printable.ts'

const MOST = { min: 1, max: 10_000, fallback: 50 }

/** Answers the exit code. */
export function listAudit(context: CommandContext): Promise<number> {
  const most = numberOf(context, 'most', MOST)
  return withRedis(context.environment(), async ({ audit }) => {
    const records = await audit.latest(most)
    if (context.values['json']) context.print(json(records))
    else for (const record of records) context.print(`${lineOf(record)}\n`)
    return 0
  })
}

/** Answers 1 when something is missing or was changed. */
export function verifyAudit(context: CommandContext): Promise<number> {
  const { paint, print } = context
  return withRedis(context.environment(), async ({ audit }) => {
    const verdict = await audit.verify()
    const { entries, first, last, faults } = verdict
    if (context.values['json']) {
      print(json(verdict))
      return faults.length > 0 ? 1 : 0
    }
    const span = first && last ? `, ${first.seq} to ${last.seq}, since ${iso(first.at)}` : ''
    print(`${entries} entries${span}\n`)
    if (last)
      print(`the last one's hash is ${printable(last.hash)}: compare it with the log (event audit.entry)\n`)
    for (const { seq, what } of faults) print(paint.red(`${seq}: ${what}\n`))
    if (faults.length === 0) print(paint.green('whole and unchanged\n'))
    return faults.length > 0 ? 1 : 0
  })
}

function lineOf({ seq, at, actor, action, subject = '', detail }: AuditRecord): string {
  const more = detail ? Object.entries(detail).map(([name, value]) => `${name}=${value}`) : []
  return [String(seq).padStart(6), iso(at), action.padEnd(18), actor, subject, ...more]
    .filter(Boolean)
    .map(printable)
    .join('  ')
}
