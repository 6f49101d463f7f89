/** `queues`: how long they are, and holding up the messages. */
import { fieldOf, listOf } from '@relais/core'
import { textOf, UsageError, type CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'
import { json, printable } from '../printable.ts'
import { span } from '../times.ts'

const TIMEOUT_MS = 10_000

const COUNTS = ['waiting', 'active', 'delayed', 'failed'] as const

/** Answers 1 when one is paused: for a watch that is to notice what somebody forgot. */
export async function listQueues(context: CommandContext): Promise<number> {
  const asked = await askOperatorApi(context.environment(), {
    method: 'GET',
    path: '/api/admin/queues',
    timeoutMs: TIMEOUT_MS,
  })
  if (asked.kind === 'refused') return 1
  const queues = listOf(fieldOf(asked.body, 'queues'))
  if (context.values['json']) context.print(json(asked.body))
  else for (const queue of queues) context.print(`${lineOf(queue, context.paint)}\n`)
  return queues.some((queue) => fieldOf(queue, 'isPaused') === true) ? 1 : 0
}

/** Answers the exit code. */
export function pauseQueue(context: CommandContext): Promise<number> {
  const why = textOf(context, 'why')?.trim()
  if (!why) throw new UsageError('queues pause takes --why: why you do it, for the audit')
  return change(context, 'pause', { why })
}

/** Answers the exit code. */
export function resumeQueue(context: CommandContext): Promise<number> {
  return change(context, 'resume')
}

async function change(context: CommandContext, verb: 'pause' | 'resume', body?: object): Promise<number> {
  const [name = ''] = context.positionals
  if (!/^[a-z-]{1,32}$/.test(name))
    throw new UsageError(`queues ${verb} takes the name of a queue, as queues shows it`)
  const asked = await askOperatorApi(context.environment(), {
    method: 'POST',
    path: `/api/admin/queues/${name}/${verb}`,
    timeoutMs: TIMEOUT_MS,
    ...(body && { body }),
  })
  if (asked.kind === 'refused') return 1
  if (context.values['json']) context.print(json(asked.body))
  else context.print(`${lineOf(asked.body, context.paint)}\n`)
  return 0
}

function lineOf(queue: unknown, paint: Paint): string {
  const name = printable(String(fieldOf(queue, 'name')))
  const counts = COUNTS.map((count) => `${Number(fieldOf(queue, count))} ${count}`)
  const oldest = fieldOf(queue, 'oldestWaitingAt')
  return [
    name.padEnd(12),
    fieldOf(queue, 'isPaused') === true ? paint.red('PAUSED ') : 'running',
    ...counts.map((count) => count.padEnd(12)),
    ...(typeof oldest === 'string' ? [`the oldest has waited ${span(Date.now() - Date.parse(oldest))}`] : []),
  ]
    .join('  ')
    .trimEnd()
}
