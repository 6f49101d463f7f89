/** `keys`: the keys of apps and operators. Made here, straight in Redis: no route of the API can make one. */
import {
  APP_SCOPES,
  CALLER_NAME,
  createApiKeyStore,
  digestOfKey,
  KEY_MODES,
  makeApiKey,
  MOST_KEYS,
  MOST_LIVE_KEYS,
  OPERATOR_SCOPES,
  parsePhoneNumber,
  prefixOf,
  type ApiKeyRecord,
  type KeyMode,
  type Scope,
} from '@relais/core'
import { numberOf, textOf, UsageError, type CommandContext } from '../command.ts'
import { iso } from '../times.ts'
import { withRedis } from '../with-redis.ts'
import { json, printable } from '../printable.ts'

const DAY_MS = 24 * 3600_000
const DAYS = { min: 1, max: 3650, fallback: 180 }
const MOST_RECIPIENTS = 100

/** Answers the exit code. */
export function createKey(context: CommandContext): Promise<number> {
  const wanted = readWanted(context)
  return withRedis(context.environment(), async ({ audit, actor, ...inside }) => {
    const store = createApiKeyStore(inside)
    const { id, text } = makeApiKey(prefixOf(wanted))
    const createdAt = Date.now()
    const { days, ...who } = wanted
    const expiresAt = createdAt + days * DAY_MS
    const sha256 = digestOfKey(text.reveal()).toString('base64url')
    const result = await store.create({ id, ...who, sha256, createdAt, createdBy: actor, expiresAt })
    if (result !== 'created') {
      process.stderr.write(`Not made: ${tooMany(result, who.name)}\n`)
      return 1
    }
    try {
      await audit.append({ actor, action: 'key.created', subject: id, detail: detailOf(who) })
    } catch (error) {
      // A key of which the audit does not know must not work.
      await store.revoke(id, actor)
      throw error
    }
    show(context, { id, key: text.reveal(), ...who, expiresAt: iso(expiresAt) })
    return 0
  })
}

/** Answers the exit code. */
export function listKeys(context: CommandContext): Promise<number> {
  return withRedis(context.environment(), async (inside) => {
    const store = createApiKeyStore(inside)
    const [{ records, unreadable }, lastUsed] = await Promise.all([store.read(), store.lastUsed()])
    const rows = records.map((record) => rowOf(record, lastUsed.get(record.id)))
    const { print, paint } = context
    if (context.values['json']) {
      print(json({ keys: rows, unreadable }))
      return 0
    }
    for (const row of rows) print(`${printable(lineOf(row))}\n`)
    if (rows.length === 0)
      print('No key was made. Those of API_KEYS and OPS_KEYS are in the environment of the API.\n')
    if (unreadable > 0) {
      const why = 'do not open with ENCRYPTION_KEYS and let nobody in: was a key taken away too early?'
      print(paint.red(`${unreadable} records ${why}\n`))
    }
    return unreadable > 0 ? 1 : 0
  })
}

/** Answers the exit code. */
export function revokeKey(context: CommandContext): Promise<number> {
  const [id = ''] = context.positionals
  if (!/^[0-9A-Za-z]{12}$/.test(id))
    throw new UsageError('keys revoke takes the id of a key, as keys list shows it')
  return withRedis(context.environment(), async ({ audit, actor, ...inside }) => {
    const revoked = await createApiKeyStore(inside).revoke(id, actor)
    if (!revoked) {
      process.stderr.write('There is no key with this id.\n')
      return 1
    }
    await audit.append({ actor, action: 'key.revoked', subject: id, detail: { name: revoked.name } })
    const row = rowOf(revoked, undefined)
    if (context.values['json']) context.print(json(row))
    else context.print(`${id} of ${revoked.name} is revoked.\n`)
    return 0
  })
}

type Wanted = Pick<ApiKeyRecord, 'kind' | 'name' | 'mode' | 'scopes' | 'recipients'> & { days: number }

/** Nothing of what was typed is repeated: it may be a key in the wrong place. */
function readWanted(context: CommandContext): Wanted {
  const [name = ''] = context.positionals
  if (!CALLER_NAME.test(name)) throw new UsageError('keys create takes a name: 1 to 32 of a-z 0-9 _ -')
  const days = numberOf(context, 'days', DAYS)
  const isOperator = context.values['operator'] === true
  const mode = readMode(textOf(context, 'mode'), isOperator)
  const scopes = readScopes(textOf(context, 'scopes'), isOperator ? OPERATOR_SCOPES : APP_SCOPES)
  const recipients = readRecipients(textOf(context, 'recipients'), mode)
  if (isOperator) return { kind: 'operator', name, scopes, days }
  return { kind: 'app', name, mode: mode ?? 'live', scopes, days, ...(recipients && { recipients }) }
}

function readMode(text: string | undefined, isOperator: boolean): KeyMode | undefined {
  if (text === undefined) return undefined
  const mode = KEY_MODES.find((each) => each === text)
  if (!mode || isOperator) throw new UsageError(`--mode is for apps: ${KEY_MODES.join(', ')}`)
  return mode
}

function readScopes(text: string | undefined, known: readonly Scope[]): readonly Scope[] {
  if (text === undefined) return known
  const scopes = [...new Set(text.split(','))].map((word) => known.find((scope) => scope === word.trim()))
  if (scopes.includes(undefined)) throw new UsageError(`--scopes must be some of ${known.join(',')}`)
  return scopes.filter((scope) => scope !== undefined)
}

function readRecipients(text: string | undefined, mode: KeyMode | undefined): string[] | undefined {
  if ((text !== undefined) !== (mode === 'team'))
    throw new UsageError('--mode team and --recipients go together: the numbers it may send to, with commas')
  const numbers = text?.split(',').map((number) => parsePhoneNumber(number.trim()))
  const isGood = !numbers || (!numbers.includes(undefined) && numbers.length <= MOST_RECIPIENTS)
  if (!isGood)
    throw new UsageError(`--recipients must be 1 to ${MOST_RECIPIENTS} numbers such as +221771234567`)
  return numbers?.filter((number) => number !== undefined)
}

function detailOf({ kind, name, mode, scopes, recipients }: Omit<Wanted, 'days'>) {
  return {
    kind,
    name,
    scopes: scopes.join(' '),
    ...(mode && { mode }),
    ...(recipients && { recipients: recipients.length }),
  }
}

function tooMany(result: 'too-many' | 'too-many-live', name: string): string {
  return result === 'too-many'
    ? `there are ${MOST_KEYS} keys already.`
    : `${name} has ${MOST_LIVE_KEYS} keys that work. Revoke one first (keys list, keys revoke ID).`
}

function show(
  { values, print, paint }: CommandContext,
  made: { id: string; key: string; name: string; expiresAt: string },
) {
  if (values['json']) {
    print(json(made))
    return
  }
  print(`${paint.bold(made.key)}\n`)
  print(`This is shown once. It is the key ${made.id} of ${made.name}, and works until ${made.expiresAt}.\n`)
}

type Row = ReturnType<typeof rowOf>

function rowOf(record: ApiKeyRecord, lastUsedAt: number | undefined) {
  const { id, kind, name, mode, scopes, recipients, createdAt, createdBy, expiresAt, revokedAt } = record
  const state = revokedAt !== undefined ? 'revoked' : expiresAt <= Date.now() ? 'expired' : 'live'
  return {
    id,
    kind,
    name,
    ...(mode && { mode }),
    state,
    scopes,
    ...(recipients && { recipients: recipients.length }),
    createdAt: iso(createdAt),
    createdBy,
    expiresAt: iso(expiresAt),
    ...(revokedAt !== undefined && { revokedAt: iso(revokedAt) }),
    lastUsedAt: lastUsedAt === undefined ? null : iso(lastUsedAt),
  }
}

function lineOf(row: Row): string {
  const what = row.kind === 'operator' ? 'operator' : `app, ${row.mode}`
  const used = row.lastUsedAt ? `last used ${row.lastUsedAt}` : 'not used yet'
  const until = row.state === 'live' ? `until ${row.expiresAt}` : row.state
  return [row.id, row.name.padEnd(12), what.padEnd(10), until, used, row.scopes.join(' ')].join('  ')
}
