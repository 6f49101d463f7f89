/** For operators: what state is the sender in; renew the token; bring a new one. Paths are older than this service. */
import { Secret } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { IsoTime, isoTimeOrNull, Nullable } from '../iso-time.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { problems, refuseAsUnavailable } from '../problem.ts'
import { SECRET_FORM, SECRET_TEXT, type TokenActions } from '../token-actions.ts'
import type { WhatsappStatus } from '../whatsapp-status.ts'
import { REFRESH_EXAMPLES, STATUS_EXAMPLES, UPDATE_EXAMPLES } from './operator-examples.ts'
import { StatusSchema } from './status-answer.ts'

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
        config: { access: READS, examples: STATUS_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'getWhatsappStatus',
          summary: 'State of sender, token and queues',
          response: { 200: StatusSchema, ...problems(503) },
        },
      },
      () => deps.whatsappStatus().catch(refuseAsUnavailable),
    )

    app.post(
      '/api/wallet/refresh-whatsapp-token',
      {
        config: { access: WRITES, examples: REFRESH_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'refreshWhatsappToken',
          summary: 'Renew the token now',
          description: 'Callers at the same time share one exchange. If it fails the old token stays.',
          response: {
            200: Type.Object({
              renewed: Type.Literal(true),
              version: Type.Integer(),
              expiresAt: Nullable(IsoTime),
            }),
            ...problems(503, {
              409: ['renewal_not_configured', 'renewal_not_needed'],
              502: ['renewal_failed'],
            }),
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
        config: { access: WRITES, examples: UPDATE_EXAMPLES },
        schema: {
          ...shared,
          operationId: 'updateWhatsappToken',
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
            ...problems(400, 413, 415, 503, { 422: ['token_rejected'], 502: ['provider_unavailable'] }),
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
