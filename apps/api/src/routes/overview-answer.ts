/** How the OpenAPI document describes the overview. The route answers it whole: what is not named here stays in it. */
import { FALLBACK_REASONS, FINDINGS } from '@relais/core'
import { Type } from 'typebox'
import { Nullable } from '../iso-time.ts'
import { StatusSchema } from './status-answer.ts'

const Moment = Type.Integer({ description: 'milliseconds since 1970' })

const FindingSchema = Type.Object(
  {
    id: Type.Enum([...FINDINGS], { title: 'FindingId', description: 'names its section of docs/runbook.md' }),
    subject: Type.Optional(Type.String({ description: 'what it is about, where there may be several' })),
    severity: Type.Enum(['critical', 'warning', 'note']),
    what: Type.String(),
    remedy: Type.String({ description: 'what to do about it now' }),
    since: Type.Optional(Moment),
  },
  { title: 'Finding' },
)

const Reason = Type.Enum([...FALLBACK_REASONS], { title: 'FallbackReason', description: 'why it fell back' })
const explained = { count: Type.Integer(), meaning: Type.String(), remedy: Type.String() }

export const OverviewSchema = Type.Object(
  {
    at: Moment,
    mode: StatusSchema.properties.mode,
    findings: Type.Array(FindingSchema, { description: 'what is wrong, the worst first' }),
    status: Type.Omit(StatusSchema, ['mode']),
    phone: Type.Object({
      status: Type.Optional(Type.String()),
      throughputLevel: Type.Optional(Type.String()),
      messagingLimit: Type.Optional(Type.String()),
    }),
    meta: Type.Object({
      calls: Type.Integer(),
      meanMs: Nullable(Type.Number()),
      faults: Type.Array(Type.Object({ code: Type.String(), title: Type.String(), ...explained })),
    }),
    reasons: Type.Array(Type.Object({ reason: Reason, ...explained })),
    minutes: Type.Array(
      Type.Object({
        at: Moment,
        accepted: Type.Integer(),
        sent: Type.Integer(),
        delivered: Type.Integer(),
        fallback: Type.Integer(),
        receipts: Type.Integer(),
      }),
    ),
    queues: Type.Object({
      inPerMinute: Type.Number(),
      outPerMinute: Type.Number(),
      oldestWaitingMs: Nullable(Type.Number()),
      oldestFallbackMs: Nullable(Type.Number()),
      isPaused: Type.Boolean(),
      receipts: Type.Integer(),
    }),
    receiptsLately: Type.Object({ count: Type.Integer(), refused: Type.Integer() }),
    pauses: Type.Array(
      Type.Object({
        what: Type.String({ description: '`sender`, or `template` with name and language' }),
        reason: Reason,
        detail: Type.String(),
        since: Moment,
        probeAt: Moment,
        probes: Type.Integer(),
      }),
    ),
    pace: Type.Object({
      ratePerSecond: Type.Number(),
      pausedForMs: Type.Number(),
      slowed: Type.Optional(Type.Object({ since: Moment, reason: Type.String() })),
    }),
    processes: Type.Array(
      Type.Object({
        name: Type.String(),
        version: Type.String(),
        host: Type.String(),
        pid: Type.Integer(),
        startedAt: Moment,
        seenAt: Moment,
        isAlive: Type.Boolean(),
      }),
    ),
    redis: Type.Object({ usedMemoryBytes: Type.Integer(), maxMemoryBytes: Type.Integer() }),
  },
  { title: 'Overview' },
)
