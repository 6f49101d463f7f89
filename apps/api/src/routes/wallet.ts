/** For operators: what state is the sender in; renew the token; bring a new one. Paths are older than this service. */
import { Secret } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { IsoTime, isoTimeOrNull } from '../iso-time.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems, refuseAsUnavailable } from '../problem.ts'
import { SECRET_FORM, SECRET_TEXT, type TokenActions } from '../token-actions.ts'
import type { WhatsappStatus } from '../whatsapp-status.ts'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
const Counts = Type.Object({
  waiting: Type.Integer(),
  active: Type.Integer(),
  delayed: Type.Integer(),
  failed: Type.Integer(),
})

const StatusSchema = Type.Object({
  mode: Type.Enum(['connected', 'degraded', 'fallback']),
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
})

const SecretText = (description: string) =>
  Type.String({ pattern: SECRET_TEXT, description: `${description}: ${SECRET_FORM}` })

const READS: Access = { kind: 'operator', scope: 'status:read' }
const WRITES: Access = { kind: 'operator', scope: 'token:write' }

export function walletRoutes(deps: {
  whatsappStatus: () => Promise<WhatsappStatus>
  tokenActions: TokenActions
}): FastifyPluginAsyncTypebox {
  const { tokenActions } = deps
  return async (app) => {
    const shared = { tags: ['operators'] }

    app.get(
      '/api/wallet/whatsapp-status',
      {
        config: { access: READS },
        schema: {
          ...shared,
          summary: 'State of sender, token and queues',
          response: { 200: StatusSchema, ...problems(503) },
        },
      },
      () => deps.whatsappStatus().catch(refuseAsUnavailable),
    )

    app.post(
      '/api/wallet/refresh-whatsapp-token',
      {
        config: { access: WRITES },
        schema: {
          ...shared,
          summary: 'Renew the token now',
          description: 'Callers at the same time share one exchange. If it fails the old token stays.',
          response: {
            200: Type.Object({
              renewed: Type.Literal(true),
              version: Type.Integer(),
              expiresAt: Nullable(IsoTime),
            }),
            ...problems(409, 502, 503),
          },
        },
      },
      async (request) => {
        const { version, expiresAt } = await tokenActions.renew(operatorOf(request).name)
        return { renewed: true as const, version, expiresAt: isoTimeOrNull(expiresAt) }
      },
    )

    app.post(
      '/api/wallet/update-whatsapp-token',
      {
        config: { access: WRITES },
        schema: {
          ...shared,
          summary: 'Bring a new token',
          description: 'Checked with Meta before it is stored.',
          body: Type.Object(
            {
              accessToken: SecretText('the new access token'),
              appSecret: Type.Optional(SecretText('the app secret, if it changed as well')),
            },
            { additionalProperties: false },
          ),
          response: {
            200: Type.Object({
              version: Type.Integer(),
              expiresAt: Nullable(IsoTime),
              source: Type.Literal('manual'),
              warnings: Type.Optional(Type.Array(Type.String())),
            }),
            ...problems(400, 413, 415, 422, 502, 503),
          },
        },
      },
      async (request) => {
        const { accessToken, appSecret } = request.body
        const { token, warnings } = await tokenActions.update(operatorOf(request).name, {
          accessToken: new Secret(accessToken),
          ...(appSecret !== undefined && { appSecret: new Secret(appSecret) }),
        })
        const { version, expiresAt } = token
        const stored = { version, expiresAt: isoTimeOrNull(expiresAt), source: 'manual' as const }
        return warnings.length > 0 ? { ...stored, warnings } : stored
      },
    )
  }
}
