/** Turns everything that goes wrong in a request, the framework's own errors included, into a problem. */
import type { Events } from '@relais/core'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { PROBLEM_TYPE, ProblemError, type FieldFault } from '../problem.ts'
import { told } from './requests.ts'

/** What the schema's validator finds. */
type SchemaFault = {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  message?: string
  parentSchema?: object
}

/** More faults than these help nobody to mend a body. */
const MOST_FAULTS = 20

export function registerProblems(app: FastifyInstance, events: Pick<Events, 'requestFailed'>): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error)
    if (problem.statusCode >= 500) {
      const { cause, statusCode } = problem
      events.requestFailed({ ...told(request), statusCode }, cause instanceof Error ? cause : error)
    }
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((_request, reply) => {
    return sendProblem(
      reply,
      new ProblemError(404, 'not_found', 'There is nothing at this method and path. See /docs.'),
    )
  })
}

export function sendProblem(reply: FastifyReply, problem: ProblemError): FastifyReply {
  return reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problem.toBody())
}

/** What a thrown value becomes. From 500 up nothing of its text is shown. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const { code, statusCode, validation, validationContext } = error as {
    code?: string
    statusCode?: number
    validation?: SchemaFault[]
    validationContext?: string
  }
  if (validation) return invalidRequest(validation, validationContext ?? 'body')
  switch (code) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new ProblemError(400, 'malformed_json', 'The body is not JSON.')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ProblemError(413, 'payload_too_large', 'The body is too large.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ProblemError(415, 'unsupported_media_type', 'Send the body as application/json.')
    default:
      break
  }
  if (error instanceof SyntaxError && statusCode === 400) {
    return new ProblemError(400, 'malformed_json', 'The body is not JSON.')
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ProblemError(
      statusCode,
      'bad_request',
      'The request cannot be read: check its URL, headers and body.',
    )
  }
  return new ProblemError(500, 'internal_error', 'Something failed on our side.', { cause: error })
}

/** A 422 that names what the schema's validator found. @param context the part of the request that was validated */
export function invalidRequest(faults: SchemaFault[], context = 'body'): ProblemError {
  const prefix = context === 'body' ? '' : `/${context}`
  const errors = faults.slice(0, MOST_FAULTS).map(fieldFault)
  return invalid(errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer, detail })))
}

/** A 422 that names each fault. */
export function invalid(faults: FieldFault[]): ProblemError {
  const errors = faults.slice(0, MOST_FAULTS)
  const [first] = errors
  const where = first?.pointer ? `${first.pointer} ` : 'The body '
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more, see errors)` : ''
  return new ProblemError(422, 'invalid_request', `${where}${first?.detail ?? 'is not valid'}${more}.`, {
    errors,
  })
}

/** In words that say how to mend it; the value itself is never repeated: it may be a code. */
function fieldFault({ keyword, instancePath, params, message, parentSchema }: SchemaFault): FieldFault {
  const child = (name: unknown) =>
    `${instancePath}/${String(name).slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')}`
  switch (keyword) {
    case 'required':
      return { pointer: child(params['missingProperty']), detail: 'is required' }
    case 'additionalProperties':
      return { pointer: child(params['additionalProperty']), detail: 'is not a known field' }
    case 'discriminator':
      return { pointer: child(params['tag']), detail: 'must be one of otp, template, text' }
    case 'type':
      return { pointer: instancePath, detail: `must be of type ${String(params['type'])}` }
    default: {
      const { description: described } = (parentSchema ?? {}) as { description?: string }
      return {
        pointer: instancePath,
        detail: described ? `must be ${described}` : (message ?? 'is not valid'),
      }
    }
  }
}
