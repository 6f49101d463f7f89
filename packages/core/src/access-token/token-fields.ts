/** How the record of a sender's tokens stands in the fields of a hash: secrets sealed, times as text. */
import { UnsealError, type Owner, type Sealer } from '../sealer.ts'
import { Secret } from '../secret.ts'
import type { LastCheck, LastRenewal, StoredToken, TokenRecord, TokenSource } from './token-state.ts'

/** A token that is to be stored. */
export type NewToken = Pick<StoredToken, 'accessToken' | 'source' | 'obtainedAt' | 'expiresAt' | 'type'>

/** What Meta says of a token. Times are milliseconds since 1970. */
export type TokenFacts = { expiresAt?: number | null; obtainedAt?: number; type?: string }

/** What is stored along with a token. */
export type TokenExtras = {
  lastCheck?: LastCheck
  manualAt?: number
  appSecret?: NonNullable<TokenRecord['appSecret']>
}

/** The present token and the ones it replaced: what they were replaced by may turn out to be bad. */
export const KEPT_TOKENS = 4

const TOKEN_FIELDS = [
  'sealed',
  'source',
  'obtainedAt',
  'expiresAt',
  'type',
  'refusedAt',
  'deadAt',
  'why',
  'confirmedAt',
] as const

const NEVER = 'never'

/** How a record is written into fields of a hash, and read from them. */
export function createTokenFields({ sealer, senderId }: { sealer: Sealer; senderId: string }) {
  const tokenOwner: Owner = { purpose: 'access-token', id: senderId }
  const secretOwner: Owner = { purpose: 'app-secret', id: senderId }

  return {
    tokenFields(token: NewToken & Partial<StoredToken> & { version: number }): Record<string, string> {
      const { refusedAt, deadAt, why, confirmedAt } = token
      return prefixed(token.version, {
        sealed: sealer.seal(token.accessToken.reveal(), tokenOwner),
        source: token.source,
        ...factFields(token),
        ...(refusedAt !== undefined && { refusedAt: String(refusedAt) }),
        ...(deadAt !== undefined && { deadAt: String(deadAt) }),
        ...(why !== undefined && { why }),
        ...(confirmedAt !== undefined && { confirmedAt: String(confirmedAt) }),
      })
    },

    extraFields,

    resealed({ tokens, appSecret }: TokenRecord): Record<string, string> {
      const sealed = tokens.map(({ version, accessToken }) => [
        `${version}.sealed`,
        sealer.seal(accessToken.reveal(), tokenOwner),
      ])
      return { ...Object.fromEntries(sealed), ...extraFields({ ...(appSecret && { appSecret }) }) }
    },

    readRecord(fields: Record<string, string>): TokenRecord {
      const { generation = '', version, lastRenewal, lastCheck } = fields
      const kept = keptVersions(Number(version)).filter((each) => fields[`${each}.sealed`] !== undefined)
      const tokens = kept.flatMap((each) => readToken(fields, each))
      const appSecret = readAppSecret(fields)
      const texts = [fields['appSecret'], ...kept.map((each) => fields[`${each}.sealed`])]
      return {
        generation,
        version: Number(version),
        tokens,
        ...(lastRenewal !== undefined && { lastRenewal: JSON.parse(lastRenewal) as LastRenewal }),
        ...(lastCheck !== undefined && { lastCheck: JSON.parse(lastCheck) as LastCheck }),
        ...numbersOf(fields, ['manualAt', 'expiringSaidAt', 'unusableSaidAt', 'restoredAt']),
        ...(appSecret && { appSecret }),
        ...(tokens.length < kept.length && { unreadable: kept.length - tokens.length }),
        ...(texts.some((text) => text !== undefined && !sealer.isUnderFirstKey(text)) && {
          hasOldSeal: true as const,
        }),
      }
    },
  }

  function extraFields({ lastCheck, manualAt, appSecret }: TokenExtras): Record<string, string> {
    return {
      ...(lastCheck && { lastCheck: JSON.stringify(lastCheck) }),
      ...(manualAt !== undefined && { manualAt: String(manualAt) }),
      ...(appSecret && {
        appSecret: sealer.seal(appSecret.secret.reveal(), secretOwner),
        appSecretReplaces: appSecret.replaces,
        appSecretAt: String(appSecret.at),
      }),
    }
  }

  function readToken(fields: Record<string, string>, version: number): StoredToken[] {
    const field = (name: (typeof TOKEN_FIELDS)[number]) => fields[`${version}.${name}`]
    const accessToken = opened(field('sealed'), tokenOwner)
    if (!accessToken) return []
    const [expiresAt, type, why] = [field('expiresAt'), field('type'), field('why')]
    const times = Object.fromEntries(TOKEN_FIELDS.map((name) => [name, field(name)]))
    return [
      {
        version,
        accessToken,
        source: field('source') as TokenSource,
        obtainedAt: Number(field('obtainedAt')),
        ...(expiresAt !== undefined && { expiresAt: expiresAt === NEVER ? null : Number(expiresAt) }),
        ...(type !== undefined && { type }),
        ...(why !== undefined && { why }),
        ...numbersOf(times, ['refusedAt', 'deadAt', 'confirmedAt']),
      },
    ]
  }

  function readAppSecret(fields: Record<string, string>): TokenRecord['appSecret'] {
    const secret = opened(fields['appSecret'], secretOwner)
    if (!secret) return undefined
    return { secret, replaces: fields['appSecretReplaces'] ?? '', at: Number(fields['appSecretAt'] ?? 0) }
  }

  /** Undefined if it is not there, or if none of our keys opens it. */
  function opened(sealed: string | undefined, owner: Owner): Secret | undefined {
    try {
      return sealed === undefined ? undefined : new Secret(sealer.open(sealed, owner))
    } catch (error) {
      if (error instanceof UnsealError) return undefined
      throw error
    }
  }
}

/** The versions that a record with this newest one may hold. */
export function keptVersions(newest: number): number[] {
  return Array.from({ length: KEPT_TOKENS }, (_, age) => newest - age)
}

/** What Meta says, as fields without the version. */
export function factFields({ expiresAt, obtainedAt, type }: TokenFacts): Record<string, string> {
  return {
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? NEVER : String(expiresAt) }),
    ...(obtainedAt !== undefined && { obtainedAt: String(obtainedAt) }),
    ...(type !== undefined && { type }),
  }
}

function numbersOf<K extends string>(
  fields: Readonly<Record<string, string | undefined>>,
  names: readonly K[],
): { [key in K]?: number } {
  const given = names.flatMap((name) => {
    const text = fields[name]
    return text === undefined ? [] : [[name, Number(text)] as const]
  })
  return Object.fromEntries(given) as { [key in K]?: number }
}

/** Fields of one version. */
export function prefixed(version: number, fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${version}.${name}`, value]))
}

/** Every field that a version may have. */
export function allTokenFields(version: number): string[] {
  return TOKEN_FIELDS.map((name) => `${version}.${name}`)
}
