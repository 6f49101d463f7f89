/** `callbacks`: where the events of apps go, as the API says it to this operator. */
import { CALLER_NAME, fieldOf, listOf } from '@relais/core'
import { UsageError, type CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'
import { json, printable } from '../printable.ts'

/** Longer than an endpoint may take. */
const TIMEOUT_MS = 10_000

const PATH = '/api/admin/callbacks'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Answers the exit code: 1 if one is paused, or does not open. */
export async function listCallbacks(context: CommandContext): Promise<number> {
  const asked = await ask(context, 'GET', PATH)
  if (!asked) return 1
  const rows = listOf(fieldOf(asked, 'callbacks'))
  const unreadable = listOf(fieldOf(asked, 'unreadable'))
  if (context.values['json']) context.print(json(asked))
  else {
    for (const row of rows) context.print(linesOf(row, context.paint))
    for (const app of unreadable)
      context.print(
        `${context.paint.red('unreadable')}  ${printable(String(app))}: put the key back that sealed it\n`,
      )
    if (rows.length + unreadable.length === 0) context.print('No app has a callback.\n')
  }
  return unreadable.length > 0 || rows.some((row) => fieldOf(row, 'state') === 'paused') ? 1 : 0
}

/** Answers the exit code. */
export function setCallback(context: CommandContext): Promise<number> {
  const url = context.positionals[1]
  if (url === undefined) throw new UsageError('callbacks set takes an app and a URL')
  return change(context, { method: 'PUT', body: { url } }, (answer, app) => {
    const secret = text(answer, 'secret')
    const set = `The events of ${app} go to ${text(answer, 'url')}.\n`
    return secret === '' ? `${set}Its secret stays as it was.\n` : `${set}${secretLine(secret)}`
  })
}

/** Answers the exit code. */
export function removeCallback(context: CommandContext): Promise<number> {
  return change(context, { method: 'DELETE' }, (_answer, app) => `${app} is told nothing any more.\n`)
}

/** Answers the exit code: 1 if it was not taken. */
export function testCallback(context: CommandContext): Promise<number> {
  return change(
    context,
    { method: 'POST', verb: 'test' },
    (answer, app) => `The endpoint of ${app} took the test (${Number(fieldOf(answer, 'statusCode'))}).\n`,
  )
}

/** Answers the exit code. */
export function rotateCallback(context: CommandContext): Promise<number> {
  return change(
    context,
    { method: 'POST', verb: 'rotate' },
    (answer) =>
      `${secretLine(text(answer, 'secret'))}The one before it signs until ${text(answer, 'oldUntil')}.\n`,
  )
}

/** Answers the exit code. */
export function resumeCallback(context: CommandContext): Promise<number> {
  return change(context, { method: 'POST', verb: 'resume' }, (answer, app) =>
    fieldOf(answer, 'wasPaused') === true
      ? `${app} gets events again.\n`
      : `${app} was not paused: what waits for it is posted now.\n`,
  )
}

/** Answers the exit code. */
export function redriveCallback(context: CommandContext): Promise<number> {
  return change(
    context,
    { method: 'POST', verb: 'redrive' },
    (answer, app) => `${Number(fieldOf(answer, 'redriven'))} events wait to be posted to ${app} again.\n`,
  )
}

/** Answers the exit code: 1 if there are some. */
export async function listDead(context: CommandContext): Promise<number> {
  const app = appOf(context)
  const asked = await ask(context, 'GET', `${PATH}/${app}/dead`)
  if (!asked) return 1
  const rows = listOf(fieldOf(asked, 'dead'))
  if (context.values['json']) context.print(json(asked))
  else {
    for (const row of rows) {
      const words = ['at', 'id', 'type', 'why'].map((name) => text(row, name))
      context.print(`${words.join('  ')}\n`)
    }
    if (rows.length === 0) context.print(`${app} was told everything.\n`)
  }
  return rows.length > 0 ? 1 : 0
}

async function change(
  context: CommandContext,
  how: { method: Method; verb?: string; body?: object },
  tell: (answer: object, app: string) => string,
): Promise<number> {
  const app = appOf(context)
  const answer = await ask(context, how.method, [PATH, app, how.verb].filter(Boolean).join('/'), how.body)
  if (!answer) return 1
  context.print(context.values['json'] ? json(answer) : tell(answer, app))
  return 0
}

/** Undefined: why not stands on standard error. */
async function ask(
  { environment }: CommandContext,
  method: Method,
  path: string,
  body?: object,
): Promise<object | undefined> {
  const request = { method, path, timeoutMs: TIMEOUT_MS, ...(body && { body }) }
  const asked = await askOperatorApi(environment(), request)
  return asked.kind === 'refused' ? undefined : asked.body
}

function appOf({ positionals: [app = ''] }: CommandContext): string {
  if (!CALLER_NAME.test(app)) throw new UsageError('APP is the name of an app: 1 to 32 of a-z 0-9 _ -')
  return app
}

function linesOf(row: unknown, paint: Paint): string {
  const state = text(row, 'state')
  const dye = { working: paint.green, failing: paint.yellow, paused: paint.red }[state] ?? String
  const since = text(row, 'pausedAt') || text(row, 'failingSince')
  const fault = text(row, 'lastFault')
  return [
    `${paint.bold(text(row, 'app'))}  ${dye(state)}  ${text(row, 'url')}\n`,
    `  ${Number(fieldOf(row, 'waiting'))} messages wait, ${Number(fieldOf(row, 'dead'))} events were given up\n`,
    ...(since === '' ? [] : [`  since ${since}: ${fault}\n`]),
  ].join('')
}

function secretLine(secret: string): string {
  return `${secret}\nThis secret signs them. It is shown this once: give it to the app.\n`
}

function text(row: unknown, name: string): string {
  const value = fieldOf(row, name)
  return typeof value === 'string' ? printable(value) : ''
}
