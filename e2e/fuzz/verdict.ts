/** What is wrong with an answer, whatever was asked. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Answer } from './client.ts'
import type { Operation, Schema } from './document.ts'
import type { FuzzRequest } from './requests.ts'

/** What any route may answer before it is one, so no route describes it: see `bounds.ts` of the API. */
const OF_THE_EDGE = [400, 404, 408, 413, 414, 415, 417, 431]

export function createVerdict(operations: readonly Operation[]) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })
  const validators = new Map<Schema, ValidateFunction>()
  const problem = operations.flatMap(({ answers }) => answers.get(401) ?? [])[0]
  if (!problem) throw new Error('the document describes no problem')
  // Any problem, and then one with a code that this answer can have.
  const [problemSchema = problem] = problem.allOf ?? []

  /** Undefined: nothing. */
  return (request: FuzzRequest, answer: Answer): string | undefined => {
    const { statusCode, failure } = answer
    if (failure === 'cut') return undefined
    // Headers that are too large are not read, so it is not known that the answer may have no body.
    if (failure === 'HPE_CLOSED_CONNECTION' && request.method === 'HEAD') return undefined
    if (failure !== undefined) return `no answer: ${failure}`
    const { operation, method, target } = request
    const isDescribed = operation?.answers.has(statusCode) && method === operation.method
    // A renewal or a check that Meta refuses is no fault of ours, where the route says so.
    if (statusCode >= 500 && !(statusCode === 502 && isDescribed)) return `answer ${statusCode}`
    if (method === 'HEAD' || statusCode === 304) return undefined
    const fault = statusCode >= 400 ? faultOfRefusal(answer) : undefined
    if (fault || !operation || method !== operation.method || !isOf(operation, target)) return fault
    if (isDescribed) return faultOfBody(operation.answers.get(statusCode), answer)
    return OF_THE_EDGE.includes(statusCode) ? undefined : `answer ${statusCode} is not in the document`
  }

  function faultOfRefusal(answer: Answer): string | undefined {
    if (!String(answer.headers['content-type']).startsWith('application/problem+json')) {
      return `answer ${answer.statusCode} is no problem but ${String(answer.headers['content-type'])}`
    }
    const fault = faultOfBody(problemSchema, answer)
    if (fault) return fault
    const { status } = JSON.parse(answer.body) as { status: number }
    return status === answer.statusCode ? undefined : `status ${status} in an answer ${answer.statusCode}`
  }

  function faultOfBody(
    schema: Schema | undefined,
    { body, headers, statusCode }: Answer,
  ): string | undefined {
    if (!schema || !String(headers['content-type']).includes('json')) return undefined
    const validate = validators.get(schema) ?? ajv.compile(schema)
    validators.set(schema, validate)
    if (validate(JSON.parse(body))) return undefined
    const [error] = validate.errors ?? []
    return `answer ${statusCode} does not fit the document: ${error?.instancePath} ${error?.message}`
  }
}

/** Is this a path of the operation? With an odd id or end it may be that of another. */
function isOf({ path }: Operation, target: string): boolean {
  return target.split(/[?#;]/)[0] === path
}
