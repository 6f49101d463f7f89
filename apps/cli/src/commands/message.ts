/** `message search`, `show`, `resend` and `cancel`: thin callers of the API, which decides and audits. */
import { fieldOf, listOf, SPENT_ON } from '@relais/core'
import { textOf, UsageError, type CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import { wrapped } from '../paint.ts'
import { json, printable } from '../printable.ts'

const TIMEOUT_MS = 10_000
const WIDTH = 100

/** What can be looked for, by the name of the option, as the API calls it. */
const SOUGHT = { to: 'to', reference: 'reference', 'meta-id': 'providerMessageId' } as const

type Row = Record<string, unknown>

/** Answers the exit code: 1 if there is none. */
export async function searchMessages(context: CommandContext): Promise<number> {
  const body = Object.fromEntries(
    Object.entries(SOUGHT).flatMap(([option, name]) => {
      const text = textOf(context, option)
      return text === undefined ? [] : [[name, text]]
    }),
  )
  if (Object.keys(body).length !== 1)
    throw new UsageError('message search takes exactly one of --to, --reference and --meta-id')
  const found = await ask(context, { method: 'POST', path: '/api/admin/messages/search', body })
  if (!found) return 1
  const rows = listOf(fieldOf(found, 'messages')) as Row[]
  if (context.values['json']) context.print(json(found))
  else for (const row of rows) context.print(`${lineOf(row)}\n`)
  if (rows.length > 0) return 0
  process.stderr.write('There is no such message. Records are kept a day after the deadline.\n')
  return 1
}

/** Answers the exit code. */
export async function showMessage(context: CommandContext): Promise<number> {
  const message = await ask(context, { method: 'GET', path: `/api/admin/messages/${idIn(context, 'show')}` })
  if (!message) return 1
  if (context.values['json']) context.print(json(message))
  else context.print(storyOf(message as Row, context))
  return 0
}

/** Answers the exit code. */
export async function resendMessage(context: CommandContext): Promise<number> {
  const path = `/api/admin/messages/${idIn(context, 'resend')}/resend`
  const copy = await ask(context, { method: 'POST', path, body: {} })
  if (!copy) return 1
  if (context.values['json']) context.print(json(copy))
  else {
    const [id, until] = ['id', 'expiresAt'].map((name) => textIn(copy as Row, name))
    context.print(`The code goes out again as ${id}, until ${until}. See it: message show ${id}\n`)
  }
  return 0
}

/** Answers the exit code. */
export async function cancelMessage(context: CommandContext): Promise<number> {
  const path = `/api/admin/messages/${idIn(context, 'cancel')}/cancel`
  const message = await ask(context, { method: 'POST', path, body: {} })
  if (!message) return 1
  if (context.values['json']) context.print(json(message))
  else context.print(`${textIn(message as Row, 'id')} was taken back: it is not sent.\n`)
  return 0
}

function idIn({ positionals }: CommandContext, name: string): string {
  const [id = ''] = positionals
  if (/^[A-Za-z0-9_-]{1,128}$/.test(id)) return id
  throw new UsageError(`message ${name} takes the id of a message, as message search shows it`)
}

/** What the API answers; undefined when it did not do it, after saying why. */
async function ask(
  { environment }: CommandContext,
  request: { method: 'GET' | 'POST'; path: string; body?: object },
): Promise<object | undefined> {
  const asked = await askOperatorApi(environment(), { ...request, timeoutMs: TIMEOUT_MS })
  return asked.kind === 'answer' ? asked.body : undefined
}

function lineOf(row: Row): string {
  const columns = ['acceptedAt', 'id', 'app', 'type', 'to', 'status', 'reason', 'reference']
  return columns
    .map((name) => textIn(row, name))
    .filter((column) => column !== '')
    .join('  ')
}

function storyOf(message: Row, { paint }: CommandContext): string {
  const lines = [paint.bold(lineOf(message))]
  if (message['cause'] !== undefined) {
    lines.push(
      '',
      ...wrapped(`Why: ${textIn(message, 'cause')}`, WIDTH),
      ...wrapped(`What to do: ${textIn(message, 'remedy')}`, WIDTH),
    )
  }
  lines.push('')
  for (const step of listOf(message['story']) as Row[]) {
    const attempt = typeof step['attempt'] === 'number' ? `  call ${step['attempt']}` : ''
    lines.push(`${textIn(step, 'at')}  ${paint.bold(textIn(step, 'status'))}${attempt}`)
    const detail = textIn(step, 'detail')
    if (detail !== '' && attempt === '')
      lines.push(...wrapped(detail, WIDTH - 4).map((line) => `    ${line}`))
    const { durationMs, spentOn } = step
    if (typeof durationMs === 'number' && typeof spentOn === 'string' && Object.hasOwn(SPENT_ON, spentOn))
      lines.push(paint.dim(`    ${SPENT_ON[spentOn as keyof typeof SPENT_ON]}: ${seconds(durationMs)}`))
  }
  const resentAs = textIn(message, 'resentAs')
  const resendOf = textIn(message, 'resendOf')
  if (resentAs !== '') lines.push('', `Sent again as ${resentAs}.`)
  if (resendOf !== '') lines.push('', `Carries the code of ${resendOf} once more.`)
  return `${lines.join('\n')}\n`
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

function textIn(row: Row, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? printable(value) : ''
}
