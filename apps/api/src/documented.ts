/** What a route says of itself for the OpenAPI document, beyond the schemas that it is held to. */
import { STATUS_CODES } from 'node:http'
import type { TSchema } from 'typebox'
import type { ProblemCode } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body, where the route itself looks at it less closely. */
    documentedBody?: TSchema
    /** The answer, where nothing is to be left out of it because a schema does not name it. */
    documentedAnswer?: TSchema
    /** By name. `e2e/examples.test.ts` makes each of these requests and compares the answer. */
    examples?: Examples
  }
}

/** A request, and what is answered. Ids, times and what else differs each time are compared by their form. */
type Example = {
  /** One line. */
  summary: string
  /** What is requested before: the example of another operation, whose answer gives the `{id}` of the path, until that message is in a state. */
  after?: { operation: string; example: string; until?: string }
  /** Of the path, other than such an id. */
  params?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
  status: number
  answer: unknown
  /** What is answered depends on the system, so only its form is compared. */
  varies?: true
}

export type Examples = Readonly<Record<string, Example>>

/** A problem as it is answered: its title is that of the status. */
export function problemExample(status: number, code: ProblemCode, detail: string) {
  return { type: 'about:blank', title: STATUS_CODES[status], status, detail, code }
}

/** The same for a value that is not allowed. @param fault begins with `must` */
export function faultExample(pointer: string, fault: string) {
  return {
    ...problemExample(422, 'invalid_request', `${pointer} ${fault}.`),
    errors: [{ pointer, detail: fault }],
  }
}
