/** `tokens`: the access token as it is stored, renewed by hand, and brought anew. Read in Redis; changed by the API, which asks Meta first. */
import {
  createAppCredentials,
  createTokenVault,
  fieldOf,
  fingerprint,
  readSettings,
  renewsAt,
  SettingsError,
  tokenInUse,
  tokenSettings,
  tokenState,
  whatsappSettings,
  type StoredToken,
  type TokenRecord,
} from '@relais/core'
import type { CommandContext } from '../command.ts'
import { askOperatorApi } from '../operator-api.ts'
import { json, printable } from '../printable.ts'
import { createPrompt, NoAnswerError } from '../prompt.ts'
import { day, iso, span } from '../times.ts'
import { withRedis } from '../with-redis.ts'

/** The API waits 15 s for a renewal of others, then asks Meta, for which it has 30 s at most; twice. */
const TIMEOUT_MS = 90_000

/** As the API takes them. */
const SECRET_TEXT = /^[\x21-\x7e]{6,4096}$/

/** Answers 1 when no token can be used. */
export function listTokens(context: CommandContext): Promise<number> {
  const environment = context.environment()
  const { phoneNumberId, appId, appSecret } = whatsappSettings
  const settings = readSettings(environment, { phoneNumberId, appId, appSecret, ...tokenSettings })
  const senderId = settings.phoneNumberId
  if (senderId === undefined)
    throw new SettingsError(['WHATSAPP_PHONE_NUMBER_ID is missing: the tokens are those of this number'])
  const { renewBeforeSeconds, useMarginSeconds } = settings
  return withRedis(environment, async ({ redis, keys, sealer }) => {
    const record = await createTokenVault({ redis, keys, sealer, senderId }).read()
    const isRenewed = createAppCredentials(settings).of(record) !== undefined
    const view = viewOf(record, {
      now: Date.now(),
      renewBeforeMs: renewBeforeSeconds === undefined ? undefined : renewBeforeSeconds * 1000,
      useMarginMs: useMarginSeconds * 1000,
      isRenewed,
    })
    context.print(context.values['json'] ? json(view) : textOfTokens(view, context))
    return view.inUse === null || view.unreadable > 0 ? 1 : 0
  })
}

/** Answers the exit code. */
export async function renewToken(context: CommandContext): Promise<number> {
  const asked = await askOperatorApi(context.environment(), {
    method: 'POST',
    path: '/api/wallet/refresh-whatsapp-token',
    timeoutMs: TIMEOUT_MS,
  })
  return asked.kind === 'refused' ? 1 : tell(context, asked.body, 'Renewed')
}

/** Asks for the token, and brings it. Answers the exit code. */
export async function updateToken(
  context: CommandContext,
  io: { input?: NodeJS.ReadableStream & { isTTY?: boolean }; output?: NodeJS.WritableStream } = {},
): Promise<number> {
  // The questions are not what is printed: that may be JSON for a program.
  const { input = process.stdin, output = process.stderr } = io
  const environment = context.environment()
  const prompt = createPrompt({ input, output })
  let body: { accessToken: string; appSecret?: string }
  try {
    const accessToken = (await prompt.askSecret('Access token: ')).trim()
    body = { accessToken }
    if (context.values['app-secret']) body.appSecret = (await prompt.askSecret('App secret: ')).trim()
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error
    output.write('\nNothing was given, and nothing was changed.\n')
    return 1
  } finally {
    prompt.close()
  }
  if (!Object.values(body).every((secret) => SECRET_TEXT.test(secret))) {
    output.write('That is no token or secret: 6 to 4096 characters without spaces. Nothing was changed.\n')
    return 1
  }
  const path = '/api/wallet/update-whatsapp-token'
  const asked = await askOperatorApi(environment, { method: 'POST', path, body, timeoutMs: TIMEOUT_MS })
  return asked.kind === 'refused' ? 1 : tell(context, asked.body, 'Stored')
}

function tell({ values, print, paint }: CommandContext, body: object, done: string): number {
  if (values['json']) {
    print(json(body))
    return 0
  }
  const expiresAt = fieldOf(body, 'expiresAt')
  const end =
    typeof expiresAt === 'string' ? `It ends ${day(printable(expiresAt))}.` : 'It has no end that is known.'
  print(`${done}: version ${Number(fieldOf(body, 'version'))} is in use everywhere within a second. ${end}\n`)
  const warnings = fieldOf(body, 'warnings')
  for (const warning of Array.isArray(warnings) ? warnings : [])
    print(paint.yellow(`${printable(String(warning))}\n`))
  return 0
}

type View = ReturnType<typeof viewOf>

function viewOf(
  record: TokenRecord | undefined,
  how: { now: number; renewBeforeMs: number | undefined; useMarginMs: number; isRenewed: boolean },
) {
  const { now, renewBeforeMs, useMarginMs, isRenewed } = how
  const inUse = tokenInUse(record, now, useMarginMs)
  const row = (token: StoredToken) => {
    const { version, source, obtainedAt, expiresAt } = token
    return {
      version,
      fingerprint: fingerprint(token.accessToken),
      source,
      state: tokenState(token, now, renewBeforeMs),
      isInUse: token === inUse,
      obtainedAt: iso(obtainedAt),
      /** `never`; null is not known. */
      expiresAt: typeof expiresAt === 'number' ? iso(expiresAt) : expiresAt === null ? 'never' : null,
    }
  }
  const { lastRenewal, lastCheck } = record ?? {}
  return {
    inUse: inUse?.version ?? null,
    tokens: record?.tokens.map(row) ?? [],
    unreadable: record?.unreadable ?? 0,
    autoRenewal: isRenewed,
    nextRenewalAt: isRenewed && record && inUse ? nextRenewal(record, inUse, renewBeforeMs) : null,
    lastRenewal: lastRenewal ? told(lastRenewal) : null,
    lastCheck: lastCheck ? { ...told(lastCheck), nextAt: iso(lastCheck.nextAt) } : null,
  }
}

/** When it is due, or when it is tried again; null for one that never ends or whose life is not known. */
function nextRenewal(
  record: TokenRecord,
  inUse: StoredToken,
  renewBeforeMs: number | undefined,
): string | null {
  const due = renewsAt(inUse, renewBeforeMs)
  if (due === null) return null
  const { lastRenewal } = record
  return iso(lastRenewal?.ok === false ? Math.max(due, lastRenewal.retryAt) : due)
}

function told(last: { at: number; ok: boolean; error?: string }): {
  at: string
  ok: boolean
  error?: string
} {
  return { at: iso(last.at), ok: last.ok, ...(last.error !== undefined && { error: last.error }) }
}

function textOfTokens(view: View, { paint }: CommandContext): string {
  const { tokens, unreadable, autoRenewal, nextRenewalAt, lastRenewal, lastCheck } = view
  const lines = tokens.map((token) => {
    const { version, isInUse, state, source } = token
    const end =
      token.expiresAt === null
        ? 'its end is not known'
        : token.expiresAt === 'never'
          ? 'never ends'
          : `until ${day(token.expiresAt)}`
    const cells = [
      isInUse ? '*' : ' ',
      `version ${version}`.padEnd(11),
      token.fingerprint,
      (isInUse ? paint.green : String)(state.padEnd(8)),
      source.padEnd(8),
      `since ${day(token.obtainedAt)}`,
      end,
    ]
    return cells.join('  ')
  })
  if (tokens.length === 0)
    lines.push('No token is stored yet: API and worker store that of the environment when they start.')
  else if (view.inUse === null)
    lines.push(paint.red('None of them can be used. Bring one: npx relais tokens update'))
  else lines.push('* is in use')
  if (unreadable > 0)
    lines.push(paint.red(`${unreadable} do not open with ENCRYPTION_KEYS: was a key taken away too early?`))
  lines.push(...happened('last renewal', lastRenewal), ...happened('last check with Meta', lastCheck))
  lines.push(`next renewal: ${nextRenewalAt === null ? whyNone(autoRenewal) : day(nextRenewalAt)}`)
  return `${lines.join('\n')}\n`
}

function happened(what: string, last: { at: string; ok: boolean; error?: string } | null): string[] {
  if (!last) return []
  const how = last.ok ? 'done' : `failed: ${printable(last.error ?? 'no reason given')}`
  return [`${what}: ${day(last.at)} (${span(Date.now() - Date.parse(last.at))} ago), ${how}`]
}

function whyNone(autoRenewal: boolean): string {
  return autoRenewal
    ? 'none, there is no token in use that ends'
    : 'none, WHATSAPP_APP_ID and WHATSAPP_APP_SECRET are not both known here'
}
