/** Is Redis there, recent enough, and set up to forget nothing? */
import {
  comesUp,
  isRecent,
  openRedis,
  type RedisClient,
  type RedisFacts,
  type RedisTarget,
  type TokenRecord,
  type TokenVault,
} from '@relais/core'
import { fail, ok, skipped, warn, type Check } from './check.ts'

const CONNECT_WITHIN_MS = 3000
const COMMAND_TIMEOUT_MS = 2000

const PLACE = 'in redis.conf, or among the settings of a managed Redis'

export type OpenedRedis = { kind: 'open'; redis: RedisClient } | { kind: 'closed'; why: string }

/**
 * Connects within 3 s, at the first try, or says why not; `why` holds neither user nor password.
 *
 * @param key one of ours: in a cluster, the node that holds it is what counts
 */
export async function connect(target: RedisTarget, key: string): Promise<OpenedRedis> {
  let why = `no connection within ${CONNECT_WITHIN_MS / 1000} s`
  let giveUp = () => {}
  const failed = new Promise<false>((resolve) => (giveUp = () => resolve(false)))
  const redis = openRedis(target, { failWithinMs: COMMAND_TIMEOUT_MS }, (error) => {
    why = whyClosed(error) ?? why
    // Of several sentinels or nodes one may be away.
    if (target.kind === 'single') giveUp()
  })
  if (await Promise.race([comesUp(redis, key, CONNECT_WITHIN_MS), failed])) return { kind: 'open', redis }
  redis.disconnect()
  return { kind: 'closed', why }
}

export function unreachableRedis(why: string): Check {
  return fail(
    'redis',
    `Redis does not answer: ${why}.`,
    'Start it, or correct REDIS_URL (host, port, password, redis:// or rediss:// for TLS), REDIS_TLS_CA, REDIS_SENTINELS or REDIS_CLUSTER.',
  )
}

/** @param facts undefined: Redis does not let this user ask */
export function judgeRedis(facts: RedisFacts | undefined): Check[] {
  if (facts === undefined) {
    return [
      warn(
        'redis',
        'Redis answers, but this user may not run INFO: version, eviction and persistence are not known.',
        `Allow INFO for this check, or see to it yourself: 6.2 or newer, maxmemory-policy noeviction, appendonly yes ${PLACE}.`,
      ),
    ]
  }
  const { version, evictionPolicy, isAppendOnly } = facts
  return [judgeVersion(version), judgeEviction(evictionPolicy), judgePersistence(isAppendOnly)]
}

function judgeVersion(version: string | undefined): Check {
  const isGood = isRecent(version)
  if (isGood === undefined) {
    return warn('redis', 'Redis answers and does not say its version.', 'Make sure that it is 6.2 or newer.')
  }
  if (isGood) return ok('redis', `answers, version ${version}`)
  return fail(
    'redis',
    `Redis is version ${version}; 6.2 is the oldest that will do.`,
    'Upgrade Redis, or use Valkey.',
  )
}

function judgeEviction(policy: string | undefined): Check {
  const name = 'redis eviction'
  if (policy === 'noeviction') return ok(name, 'maxmemory-policy is noeviction')
  if (policy === undefined) {
    return warn(
      name,
      'Redis does not say what it evicts.',
      `Make sure that maxmemory-policy is noeviction ${PLACE}.`,
    )
  }
  return fail(
    name,
    `maxmemory-policy is ${policy}: a full Redis throws away messages, or the token.`,
    `Set it at once with \`redis-cli CONFIG SET maxmemory-policy noeviction\`, and for good ${PLACE}.`,
  )
}

function judgePersistence(isAppendOnly: boolean | undefined): Check {
  const name = 'redis persistence'
  if (isAppendOnly) return ok(name, 'appendonly is yes')
  if (isAppendOnly === undefined) {
    return warn(
      name,
      'Redis does not say whether it keeps an append-only file.',
      `Make sure that appendonly is yes ${PLACE}.`,
    )
  }
  return fail(
    name,
    'appendonly is no: what was acknowledged is lost when Redis restarts.',
    `Set it at once with \`redis-cli CONFIG SET appendonly yes\`, and for good ${PLACE}.`,
  )
}

export type StoredTokens = { record: TokenRecord | undefined; check: Check }

/** Reads the stored tokens: do they open with our keys? */
export async function checkVault(vault: Pick<TokenVault, 'read'>): Promise<StoredTokens> {
  const name = 'stored token'
  const record = await vault.read().catch(() => 'not told' as const)
  if (record === 'not told') return { record: undefined, check: skipped(name, 'Redis did not tell') }
  if (!record) {
    const what = 'none is stored yet: API and worker store the one of the environment when they start'
    return { record, check: skipped(name, what) }
  }
  return { record, check: judgeSeal(name, record) }
}

function judgeSeal(name: string, { version, tokens, unreadable = 0 }: TokenRecord): Check {
  if (unreadable === 0) return ok(name, `version ${version} opens with ENCRYPTION_KEYS`)
  const nextStep =
    'Put the key it was sealed with back, behind the first one: ENCRYPTION_KEYS=new:...,old:... If that key is lost, stop all ' +
    'processes, delete the record in Redis, and start again with a live token in the environment.'
  if (tokens.length === 0) return fail(name, 'ENCRYPTION_KEYS does not open it.', nextStep)
  const what = `${unreadable} of ${unreadable + tokens.length} stored tokens do not open with ENCRYPTION_KEYS.`
  return warn(name, what, nextStep)
}

/** Redis' own words about a refused login, or a code; never a message that could quote the URL. */
function whyClosed(error: Error): string | undefined {
  const words = /^(WRONGPASS|NOAUTH|NOPERM|LOADING|ERR AUTH|ERR invalid password)/.exec(error.message)?.[1]
  if (words) return words
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
