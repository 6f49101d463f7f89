/**
 * Slows guessing down. An address may fail `FREE_FAILURES` times a minute; from then on each of its logins waits, right or wrong, so
 * that nothing is learned by asking fast, and few may wait at once. A key that was right from that address within the last hour is
 * not held up: who guesses from behind the same proxy cannot lock an app out.
 *
 * Each process keeps its own account: with `n` of them an attacker is `n` times as fast, which keys of 16 characters and more bear.
 */
import { sourceOf } from '@relais/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProblemError } from './problem.ts'

const FREE_FAILURES = 30
const WINDOW_MS = 60_000

/** The wait grows with each further failure. */
const WAIT_STEP_MS = 50
const MOST_WAIT_MS = 1000

/** So many logins of one address, and of all, may be waiting. */
const MOST_HELD = 10
const MOST_HELD_IN_ALL = 200

/** A key that was right is at home at its address for so long. */
const HOME_MS = 3600_000

/** Addresses that are remembered; the oldest is forgotten first. */
const MOST_ADDRESSES = 10_000

type Account = { failures: number; failedAt: number; held: number; homeUntil: Map<string, number> }

/** @param deps.wait for tests */
export function createLoginGuard(deps: { now?: () => number; wait?: (ms: number) => Promise<unknown> } = {}) {
  const { now = Date.now, wait = sleep } = deps
  const accounts = new Map<string, Account>()
  let heldInAll = 0

  return {
    /**
     * Lets a login go on, at once or after a while. Throws a 429 `login_limited` when too many wait.
     *
     * @param address where it comes from
     * @param keyId the key, if it is right
     * @returns how many logins from there have failed lately, this one included
     */
    async pass(address: string, keyId: string | undefined): Promise<number> {
      const account = accountOf(sourceOf(address) ?? address)
      const isAtHome = keyId !== undefined && (account.homeUntil.get(keyId) ?? 0) > now()
      if (keyId === undefined) count(account)
      if (!isAtHome && failuresOf(account) > FREE_FAILURES) await hold(account)
      if (keyId !== undefined) account.homeUntil.set(keyId, now() + HOME_MS)
      return failuresOf(account)
    },
  }

  async function hold(account: Account): Promise<void> {
    if (account.held >= MOST_HELD || heldInAll >= MOST_HELD_IN_ALL) throw tooMany()
    account.held += 1
    heldInAll += 1
    try {
      await wait(Math.min(MOST_WAIT_MS, (account.failures - FREE_FAILURES) * WAIT_STEP_MS))
    } finally {
      account.held -= 1
      heldInAll -= 1
    }
  }

  function count(account: Account): void {
    account.failures = failuresOf(account) + 1
    account.failedAt = now()
  }

  function failuresOf({ failures, failedAt }: Account): number {
    return now() - failedAt < WINDOW_MS ? failures : 0
  }

  function accountOf(source: string): Account {
    const account = accounts.get(source) ?? { failures: 0, failedAt: 0, held: 0, homeUntil: new Map() }
    // To the end: what is looked at is young.
    accounts.delete(source)
    accounts.set(source, account)
    const [oldest] = accounts.size > MOST_ADDRESSES ? accounts.keys() : []
    if (oldest !== undefined) accounts.delete(oldest)
    return account
  }
}

export type LoginGuard = ReturnType<typeof createLoginGuard>

function tooMany(): ProblemError {
  const detail = 'Too many logins from this address have failed. Wait, then try again with the right key.'
  return new ProblemError(429, 'login_limited', detail, { retryAfterSeconds: 5 })
}
