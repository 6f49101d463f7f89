/**
 * Will this Redis keep what it is given? Read from INFO, which managed services allow where CONFIG is forbidden.
 */
import type { Redis } from 'ioredis'
import { askOurNode } from './our-node.ts'
import { SettingsError } from './settings.ts'

/** The oldest that will do. */
const OLDEST = { major: 6, minor: 2 }

/** What Redis tells of itself. `undefined`: it does not tell. Bytes; `maxMemoryBytes` 0 is no limit. */
export type RedisFacts = {
  version: string | undefined
  evictionPolicy: string | undefined
  isAppendOnly: boolean | undefined
  usedMemoryBytes: number | undefined
  maxMemoryBytes: number | undefined
}

/**
 * Asks the node that holds our keys. Rejects when this user may not ask.
 *
 * @param key one of ours
 * @param section of INFO; what it does not tell is left out
 */
export async function readRedisFacts(
  redis: Pick<Redis, 'pipeline'>,
  key: string,
  section: 'memory' | 'default' = 'default',
): Promise<RedisFacts> {
  return parseRedisFacts(String(await askOurNode(redis, key, (pipeline) => pipeline.info(section))))
}

/** @param info the answer to INFO */
export function parseRedisFacts(info: string): RedisFacts {
  const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim()
  const number = (name: string) => {
    const value = Number(field(name) ?? NaN)
    return Number.isFinite(value) ? value : undefined
  }
  const appendOnly = field('aof_enabled')
  return {
    version: field('redis_version'),
    evictionPolicy: field('maxmemory_policy'),
    isAppendOnly: appendOnly === undefined ? undefined : appendOnly === '1',
    usedMemoryBytes: number('used_memory'),
    maxMemoryBytes: number('maxmemory'),
  }
}

/** Too old a version, or one that is not told, is `undefined`. */
export function isRecent(version: string | undefined): boolean | undefined {
  const [major = NaN, minor = NaN] = (version ?? '').split('.').map(Number)
  if (Number.isNaN(major) || Number.isNaN(minor)) return undefined
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)
}

/** A full Redis with any other policy throws away messages, or the token. */
export function forgetsWhenFull({ evictionPolicy }: RedisFacts): boolean {
  return evictionPolicy !== undefined && evictionPolicy !== 'noeviction'
}

/** Why messages must not be trusted to this Redis, with what to do; `undefined` when nothing speaks against it. */
export function whyUnfit(facts: RedisFacts): string | undefined {
  if (forgetsWhenFull(facts)) {
    return `its maxmemory-policy is ${facts.evictionPolicy}, so a full Redis would throw messages away. Set it to noeviction`
  }
  if (isRecent(facts.version) === false) {
    return `it is version ${facts.version}; ${OLDEST.major}.${OLDEST.minor} is the oldest that will do`
  }
  return undefined
}

/** Throws a `SettingsError` for a Redis that messages must not be trusted to. */
export function requireFit(facts: RedisFacts | undefined): void {
  const why = facts && whyUnfit(facts)
  if (why !== undefined) throw new SettingsError([`REDIS_URL leads to a Redis that will not do: ${why}.`])
}
