/**
 * What an error of Meta's means. Decided by the code (`failure-table.ts`); titles, HTTP status and subcode have changed over the years.
 */
import type { Failure, FailureClass, GraphError } from '../outcome.ts'
import { FAILURES, type FailureRow } from './failure-table.ts'

const BY_CODE = new Map(FAILURES.map((row) => [row.graphCode, row]))

/** What Meta's error means. Codes that are not in the table go by the rule of `classifyUnknown`. */
export function classify(error: GraphError): Failure {
  const row = error.graphCode === undefined ? undefined : BY_CODE.get(error.graphCode)
  const failure = exception(error, row?.failure) ?? row?.failure ?? classifyUnknown(error)
  const isTold = error.graphCode !== undefined
  const pauses = row?.failure === failure ? row.pauses : isTold ? pausesOf(failure) : undefined
  return {
    failure,
    detail: describe(error, row),
    ...(error.graphCode !== undefined && { graphCode: error.graphCode }),
    ...(error.fbtraceId !== undefined && { fbtraceId: error.fbtraceId }),
    ...(row?.maxTries !== undefined && { maxTries: row.maxTries }),
    ...(row?.waitMs !== undefined && { waitMs: row.waitMs }),
    ...(pauses !== undefined && { pauses }),
  }
}

/** Codes whose meaning is not in the number alone. */
function exception(
  { graphCode, type, statusCode }: GraphError,
  listed: FailureClass | undefined,
): FailureClass | undefined {
  // A fault of Meta's own must not cost us the token, whatever it says.
  if (listed === 'token-expired' && statusCode >= 500) return 'transient'
  // 100 as a GraphMethodException: the token cannot see the phone number, or the appsecret_proof is wrong or missing.
  if (graphCode === 100 && type === 'GraphMethodException') return 'auth-permission'
  // 200-299: "API Permission", no rights on the asset.
  if (graphCode !== undefined && graphCode >= 200 && graphCode <= 299) return 'auth-permission'
  return undefined
}

function classifyUnknown({ statusCode, isTransient }: GraphError): FailureClass {
  if (isTransient || statusCode >= 500) return 'transient'
  if (statusCode === 401) return 'token-expired'
  if (statusCode === 403) return 'auth-permission'
  if (statusCode === 429) return 'rate-limited-sender'
  return 'permanent-request'
}

/** A token that may not send from this number cannot send anything else from it either. */
function pausesOf(failure: FailureClass): Failure['pauses'] {
  return failure === 'auth-permission' ? 'sender' : undefined
}

/** One line: the code, Meta's words, ours, and what to do about it, if anybody has to do something. */
function describe(error: GraphError, row: FailureRow | undefined): string {
  const code = error.graphCode ?? `HTTP ${error.statusCode}`
  const subcode = error.subcode === undefined ? '' : `/${error.subcode}`
  const name = row?.title ?? 'unknown error'
  // Most messages are `(#code) title` again; those of the token are sentences that say what is wrong with it.
  const sentence = /^\(#\d+\)/.test(error.message) ? undefined : error.message
  const more = error.details ?? sentence
  const said = `${code}${subcode} ${name}${more && bare(more) !== bare(name) ? `: ${more}` : ''}`
  if (!row) return said
  const ours = row.remedy.startsWith('Nothing') ? [row.meaning] : [row.meaning, row.remedy]
  return [said.replace(/\.?$/, '.'), ...ours].join(' ')
}

function bare(text: string): string {
  return text.toLowerCase().replace(/\.$/, '')
}
