/** For operators in a browser: find messages, and one message with what can be done about it. Works without a script. */
import { isSettled, type Finding } from '@relais/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { summaryOf } from '../look-at-message.ts'
import type { ReadOverview } from '../overview.ts'
import { messagePage } from '../pages/message-page.ts'
import { LOOKS_FOR, messagesPage, type LooksFor, type Said } from '../pages/messages-page.ts'
import { operatorOf, type Access } from '../plugins/auth.ts'
import { fieldIn, registerForms } from '../plugins/forms.ts'
import { asPages } from '../plugins/headers.ts'
import { toProblem } from '../plugins/problems.ts'
import { soughtIn, type AdminMessagesDeps } from './admin-messages.ts'

const READS: Access = { kind: 'operator', scope: 'messages:read', by: 'basic' }
const WRITES: Access = { kind: 'operator', scope: 'messages:write', by: 'basic' }

const PATH = '/admin/messages'

/** What a page says after an action: the names stand in its URL, the texts do not. */
const SAID: Readonly<Record<string, Said>> = {
  resent: { mood: 'good', text: 'The code is on its way again, as this message.' },
  repeated: { mood: 'good', text: 'The code had been sent again before: this is the message.' },
  canceled: { mood: 'good', text: 'The message was taken back.' },
}

type One = { Params: { id: string }; Querystring: { said?: unknown } }

export async function registerMessagePages(
  app: FastifyInstance,
  deps: AdminMessagesDeps & { readOverview: ReadOverview },
): Promise<void> {
  const { findMessages, lookAtMessage, resendMessage, endByApp } = deps
  await app.register(async (scope) => {
    asPages(scope, { hasForms: true })
    registerForms(scope)
    const reads = { config: { access: READS }, schema: { hide: true } }
    const writes = { config: { access: WRITES }, schema: { hide: true } }

    scope.get(PATH, reads, (_request, reply) => send(reply, messagesPage({ by: 'to' })))

    scope.post(PATH, reads, async (request, reply) => {
      const { body } = request
      const by = nameIn(fieldIn(body, 'by'))
      try {
        const sought = soughtIn({ [by]: fieldIn(body, 'text')?.trim() ?? '' })
        const found = await findMessages(sought, operatorOf(request).name)
        return send(reply, messagesPage({ by, found: found.map(summaryOf) }))
      } catch (error) {
        return send(...failed(reply, error, (said) => messagesPage({ by, said })))
      }
    })

    scope.get<One>(`${PATH}/:id`, reads, (request, reply) => {
      const { said } = request.query
      return show(
        request,
        reply,
        typeof said === 'string' && Object.hasOwn(SAID, said) ? SAID[said] : undefined,
      )
    })

    scope.post<One>(`${PATH}/:id/resend`, writes, (request, reply) =>
      act(request, reply, async (operator, id) => {
        const { copy, isRepeat } = await resendMessage(id, operator)
        return { id: copy.id, said: isRepeat ? 'repeated' : 'resent' }
      }),
    )

    scope.post<One>(`${PATH}/:id/cancel`, writes, (request, reply) =>
      act(request, reply, async (name, id) => {
        await endByApp.cancelAsOperator({ name }, id)
        return { id, said: 'canceled' }
      }),
    )
  })

  /** Goes on to the message that it is about then; or says here why not. */
  async function act(
    request: FastifyRequest<One>,
    reply: FastifyReply,
    action: (operator: string, id: string) => Promise<{ id: string; said: keyof typeof SAID }>,
  ): Promise<FastifyReply> {
    try {
      const { id, said } = await action(operatorOf(request).name, request.params.id)
      return reply.redirect(`${PATH}/${encodeURIComponent(id)}?said=${said}`, 303)
    } catch (error) {
      const { statusCode, message } = toProblem(error)
      return show(request, reply.code(statusCode), { mood: 'bad', text: message })
    }
  }

  async function show(
    request: FastifyRequest<One>,
    reply: FastifyReply,
    said: Said | undefined,
  ): Promise<FastifyReply> {
    try {
      const message = await lookAtMessage(request.params.id)
      const mayWrite = operatorOf(request).scopes.includes('messages:write')
      const findings = isSettled(message.summary.status) ? [] : await findWhatIsWrong()
      return send(reply, messagePage({ message, findings, mayWrite, said }))
    } catch (error) {
      return send(...failed(reply, error, (why) => messagesPage({ by: 'id', said: why })))
    }
  }

  /** Without it the page has the story alone. */
  async function findWhatIsWrong(): Promise<Finding[]> {
    const { findings } = await deps.readOverview().catch(() => ({ findings: [] }))
    return findings.filter(({ severity }) => severity !== 'note')
  }
}

function failed(
  reply: FastifyReply,
  error: unknown,
  write: (said: Said) => string,
): [reply: FastifyReply, text: string] {
  const { statusCode, message } = toProblem(error)
  return [reply.code(statusCode), write({ mood: 'bad', text: message })]
}

function send(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text)
}

function nameIn(given: string | undefined): LooksFor {
  return given !== undefined && Object.hasOwn(LOOKS_FOR, given) ? (given as LooksFor) : 'to'
}
