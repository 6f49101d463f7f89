/**
 * Where alerts are between two looks: one hash of an installation, so what was decided outlives every process.
 *
 * Several APIs could look; the one whose turn it is does. A change says what it was made from (`revision`), and, if it comes from a look, whose
 * turn it must still be: so whatever freezes, dies or comes late, each beginning and each end is decided once.
 */
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'
import type { Alert, ModeWatch, Watched } from './alert-states.ts'
import type { Notification } from './notifications.ts'

/** What nobody has looked at for so long is forgotten. */
const KEPT_MS = 7 * 24 * 3600_000

/** Of several who change it at the same moment one is first; the others look again. */
const MOST_TRIES = 20

/**
 * KEYS 1 turn · 2 alerts · ARGV 1 who asks · 2 the turn lasts (ms) · 3 alerts are kept for (ms)
 * Returns 1 if it is their turn, and keeps the alerts alive; else 0.
 */
const TAKE_TURN = `
local turn = redis.call('GET', KEYS[1])
if turn and turn ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
`

/** KEYS 1 turn · ARGV 1 who. Leaves the turn to others, if it is theirs. */
const LEAVE_TURN = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`

/**
 * KEYS 1 alerts · 2 turn · ARGV 1 the revision it was made from, '' = there was nothing · 2 the new one · 3 whose turn it must be,
 *      '' = anybody's · 4 kept for (ms) · 5 how many fields are set · then their names and values · then the names of those that go
 * Returns 1 if it was changed, 0 if another was first, -1 if it is another's turn.
 */
const CHANGE = `
if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[3] then return -1 end
local set = tonumber(ARGV[5])
for i = 6, 4 + 2 * set, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 6 + 2 * set, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[1], 'revision', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisTakeAlertTurn(turn: string, alerts: string, ...args: (string | number)[]): Result<number, Context>
    relaisLeaveAlertTurn(turn: string, who: string): Result<number, Context>
    relaisChangeAlerts(alerts: string, turn: string, ...args: (string | number)[]): Result<number, Context>
  }
}

/** What is watched, what waits to be told, and how often all that has changed. */
export type HeldAlerts = Watched & { notifications: readonly Notification[]; revision: number }

/** What a change leads to; the revision is not its business. */
export type ChangedAlerts = Omit<HeldAlerts, 'revision'>

export function createAlertStore({ redis, keys }: { redis: RedisClient; keys: Keys }) {
  redis.defineCommand('relaisTakeAlertTurn', { numberOfKeys: 2, lua: TAKE_TURN })
  redis.defineCommand('relaisLeaveAlertTurn', { numberOfKeys: 1, lua: LEAVE_TURN })
  redis.defineCommand('relaisChangeAlerts', { numberOfKeys: 2, lua: CHANGE })
  const [alerts, turn] = [keys.alerts(), keys.alertTurn()]

  return {
    /** Is it their turn to look? One has it for as long as it asks, and the next after `turnMs` of its silence. */
    takeTurn: async (who: string, turnMs: number): Promise<boolean> =>
      (await redis.relaisTakeAlertTurn(turn, alerts, who, turnMs, KEPT_MS)) === 1,

    leaveTurn: async (who: string): Promise<void> => void (await redis.relaisLeaveAlertTurn(turn, who)),

    read: async (): Promise<HeldAlerts> => heldIn(await redis.hgetall(alerts)),

    /**
     * Changes what is held. `decide` may be asked several times, and what it answers last is what is so. Answers what that led to, undefined if
     * it is not `onTurnOf`'s turn any more. Throws if others are always first.
     *
     * @param onTurnOf undefined: what became of a notification is true whoever's turn it is
     */
    async change<Change extends ChangedAlerts>(
      onTurnOf: string | undefined,
      decide: (held: HeldAlerts) => Change,
    ): Promise<Change | undefined> {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const known = await redis.hgetall(alerts)
        const held = heldIn(known)
        const change = decide(held)
        const { set, gone } = differences(known, fieldsOf(change))
        if (set.length + gone.length === 0) return change
        const result = await redis.relaisChangeAlerts(
          alerts,
          turn,
          known['revision'] ?? '',
          held.revision + 1,
          onTurnOf ?? '',
          KEPT_MS,
          set.length,
          ...set.flat(),
          ...gone,
        )
        if (result === 1) return change
        if (result === -1) return undefined
      }
      throw new Error('the alerts could not be changed: too many change them at the same time')
    },
  }
}

export type AlertStore = ReturnType<typeof createAlertStore>

type Fields = Readonly<Record<string, string>>

/** An alert stands under `alert <name>`, a notification under `notification <id>`. */
function fieldsOf({ mode, alerts, notifications }: ChangedAlerts): Fields {
  return Object.fromEntries([
    ['mode', JSON.stringify(mode)],
    ...[...alerts].map(([name, alert]) => [`alert ${name}`, JSON.stringify(alert)]),
    ...notifications.map((notification) => [`notification ${notification.id}`, JSON.stringify(notification)]),
  ])
}

function heldIn(fields: Fields): HeldAlerts {
  const under = (prefix: string) =>
    Object.entries(fields).flatMap(([field, json]) =>
      field.startsWith(prefix) ? [[field.slice(prefix.length), json] as const] : [],
    )
  return {
    revision: Number(fields['revision'] ?? 0),
    mode: JSON.parse(fields['mode'] ?? '{}') as ModeWatch,
    alerts: new Map(under('alert ').map(([name, json]) => [name, JSON.parse(json) as Alert])),
    notifications: under('notification ').map(([, json]) => JSON.parse(json) as Notification),
  }
}

function differences(known: Fields, wanted: Fields): { set: [string, string][]; gone: string[] } {
  return {
    set: Object.entries(wanted).filter(([field, value]) => known[field] !== value),
    gone: Object.keys(known).filter((field) => field !== 'revision' && !(field in wanted)),
  }
}
