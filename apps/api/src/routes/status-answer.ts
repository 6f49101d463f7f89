/** How the state of sender, token and queues is shown to operators. */
import { Type } from 'typebox'
import { IsoTime, Nullable } from '../iso-time.ts'

const Counts = Type.Object(
  {
    waiting: Type.Integer(),
    active: Type.Integer(),
    delayed: Type.Integer(),
    failed: Type.Integer(),
  },
  { title: 'JobCounts' },
)

export const StatusSchema = Type.Object(
  {
    mode: Type.Enum(['connected', 'degraded', 'fallback'], { title: 'SenderMode' }),
    token: Type.Object({
      state: Type.Enum(['valid', 'expiring', 'expired', 'invalid', 'missing']),
      source: Nullable(Type.Enum(['env', 'manual', 'renewed'])),
      version: Nullable(Type.Integer()),
      fingerprint: Nullable(Type.String({ description: 'first 8 hex digits of its SHA-256' })),
      expiresAt: Nullable(IsoTime),
      expiresInSeconds: Nullable(Type.Integer()),
      renewsAt: Nullable(IsoTime),
      autoRenewal: Type.Boolean(),
      lastRenewal: Nullable(
        Type.Object({ at: IsoTime, ok: Type.Boolean(), error: Type.Optional(Type.String()) }),
      ),
      lastCheck: Nullable(
        Type.Object({ at: IsoTime, ok: Type.Boolean(), error: Type.Optional(Type.String()) }),
      ),
      restoredFromMemoryAt: Nullable(IsoTime),
    }),
    phone: Type.Object({
      id: Nullable(Type.String()),
      displayNumber: Nullable(Type.String()),
      verifiedName: Nullable(Type.String()),
      qualityRating: Nullable(Type.String()),
    }),
    graph: Type.Object({ reachable: Type.Boolean(), latencyMs: Nullable(Type.Integer()) }),
    queues: Type.Object({ messages: Counts, fallback: Counts }),
    receipts: Type.Object({ expected: Type.Boolean(), lastAt: Nullable(IsoTime) }),
  },
  { title: 'WhatsappStatus' },
)
