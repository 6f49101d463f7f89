import { keepNewest } from './keep-newest.ts'
import type { Grant } from './token-string.ts'

/** People remembered: the newest 1,000 who took something back. */
const PEOPLE_CAP = 1000

type Withdrawals = { everything: number; newest: number; permissions: Map<string, number> }

/** What people took back from the app, and when, in milliseconds. Tokens issued later are not touched. */
export function createConsents() {
  const people = new Map<string, Withdrawals>()
  let ofAll = -Infinity

  function withdrawnAt(userId: string): number {
    return Math.max(ofAll, people.get(userId)?.everything ?? -Infinity)
  }

  function personOf(userId: string): Withdrawals {
    const person = people.get(userId) ?? nothingYet()
    keepNewest(people, userId, person, PEOPLE_CAP)
    return person
  }

  return {
    /** When this person, or everybody, took back everything; `-Infinity` = never. */
    withdrawnAt,
    /** When this person, or everybody, last took anything back: what is granted later is granted anew. */
    newestAt: (userId: string) => Math.max(ofAll, people.get(userId)?.newest ?? -Infinity),
    withdrawAll: (now: number) => void (ofAll = now),
    withdraw(userId: string, permission: string | undefined, now: number): void {
      const person = personOf(userId)
      person.newest = now
      if (permission === undefined) person.everything = now
      else person.permissions.set(permission, now)
    },
    /** The grant without the permissions that were taken back. */
    narrow(grant: Grant): Grant {
      const permissions = people.get(grant.userId)?.permissions
      if (permissions === undefined || permissions.size === 0) return grant
      const scopes = grant.scopes.filter((scope) => (permissions.get(scope) ?? -Infinity) < grant.issuedAt)
      return { ...grant, scopes }
    },
    reset(): void {
      people.clear()
      ofAll = -Infinity
    },
  }
}

function nothingYet(): Withdrawals {
  return { everything: -Infinity, newest: -Infinity, permissions: new Map() }
}
