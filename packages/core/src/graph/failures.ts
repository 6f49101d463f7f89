/**
 * What each error code of the WhatsApp Cloud API means: one row per code.
 * Source: Meta, "Error codes" (2025-11-14 with HTTP status, 2026-09-11 without), Graph "Handling errors".
 * Branch on the code; titles, HTTP status and subcode have changed over the years.
 */
import type { Failure, FailureClass, GraphError } from '../outcome.ts'

type Row = {
  graphCode: number
  title: string
  failure: FailureClass
  /** After so many tries it is no longer taken for a passing fault. */
  maxTries?: number
  /** Meta's own advice on how long to wait. */
  waitMs?: number
}

export const FAILURES: readonly Row[] = [
  { graphCode: 0, title: 'AuthException', failure: 'token-expired' },
  { graphCode: 1, title: 'API Unknown', failure: 'transient', maxTries: 2 },
  { graphCode: 2, title: 'API Service', failure: 'transient' },
  { graphCode: 3, title: 'API Method', failure: 'auth-permission' },
  { graphCode: 4, title: 'API Too Many Calls', failure: 'rate-limited-sender' },
  { graphCode: 10, title: 'Permission Denied', failure: 'auth-permission' },
  { graphCode: 17, title: 'User request limit reached', failure: 'rate-limited-sender' },
  { graphCode: 33, title: 'Parameter value is not valid', failure: 'account-blocked' },
  { graphCode: 100, title: 'Invalid parameter', failure: 'permanent-request' },
  { graphCode: 102, title: 'API Session', failure: 'token-expired' },
  { graphCode: 104, title: 'An access token is required', failure: 'token-expired' },
  { graphCode: 190, title: 'Access token refused', failure: 'token-expired' },
  { graphCode: 368, title: 'Temporarily blocked for policies violations', failure: 'account-blocked' },
  { graphCode: 613, title: 'Custom rate limit reached', failure: 'rate-limited-sender' },
  { graphCode: 80007, title: 'Rate limit issues', failure: 'rate-limited-sender' },
  { graphCode: 80008, title: 'Management API rate limit', failure: 'rate-limited-sender' },
  { graphCode: 130403, title: 'The business blocked this user', failure: 'permanent-recipient' },
  { graphCode: 130429, title: 'Rate limit hit', failure: 'rate-limited-sender' },
  { graphCode: 130472, title: "User's number is part of an experiment", failure: 'permanent-recipient' },
  { graphCode: 130497, title: 'Restricted from messaging this country', failure: 'permanent-recipient' },
  { graphCode: 131000, title: 'Something went wrong', failure: 'transient', maxTries: 3 },
  { graphCode: 131005, title: 'Access denied', failure: 'auth-permission' },
  { graphCode: 131008, title: 'Required parameter is missing', failure: 'permanent-request' },
  { graphCode: 131009, title: 'Parameter value is not valid', failure: 'permanent-request' },
  { graphCode: 131016, title: 'Service unavailable', failure: 'transient' },
  { graphCode: 131021, title: 'Recipient cannot be sender', failure: 'permanent-request' },
  { graphCode: 131026, title: 'Message Undeliverable', failure: 'permanent-recipient' },
  { graphCode: 131030, title: 'Recipient phone number not in allowed list', failure: 'permanent-recipient' },
  { graphCode: 131031, title: 'Account has been locked', failure: 'account-blocked' },
  { graphCode: 131037, title: 'Display name approval needed', failure: 'account-blocked' },
  { graphCode: 131042, title: 'Business eligibility payment issue', failure: 'account-blocked' },
  { graphCode: 131043, title: 'Message expired', failure: 'message-expired' },
  { graphCode: 131045, title: 'Incorrect certificate', failure: 'account-blocked' },
  { graphCode: 131047, title: 'Re-engagement message', failure: 'permanent-request' },
  { graphCode: 131048, title: 'Spam rate limit hit', failure: 'rate-limited-sender' },
  { graphCode: 131049, title: 'Withheld for ecosystem engagement', failure: 'permanent-recipient' },
  { graphCode: 131050, title: 'User stopped marketing messages', failure: 'permanent-recipient' },
  { graphCode: 131051, title: 'Unsupported message type', failure: 'permanent-request' },
  { graphCode: 131052, title: 'Media download error', failure: 'permanent-request' },
  { graphCode: 131053, title: 'Media upload error', failure: 'permanent-request' },
  { graphCode: 131056, title: 'Pair rate limit hit', failure: 'rate-limited-pair' },
  { graphCode: 131057, title: 'Account in maintenance mode', failure: 'transient', waitMs: 60_000 },
  { graphCode: 131062, title: 'Business-scoped user id not supported', failure: 'permanent-request' },
  { graphCode: 131063, title: 'Marketing templates disabled', failure: 'template' },
  { graphCode: 131064, title: 'Limited for template misclassification', failure: 'account-blocked' },
  { graphCode: 132000, title: 'Template Param Count Mismatch', failure: 'template' },
  { graphCode: 132001, title: 'Template does not exist', failure: 'template' },
  { graphCode: 132005, title: 'Template Hydrated Text Too Long', failure: 'template' },
  { graphCode: 132007, title: 'Template Format Character Policy Violated', failure: 'template' },
  { graphCode: 132012, title: 'Template Parameter Format Mismatch', failure: 'template' },
  { graphCode: 132015, title: 'Template is Paused', failure: 'template' },
  { graphCode: 132016, title: 'Template is Disabled', failure: 'template' },
  { graphCode: 132018, title: 'Template validation error', failure: 'template' },
  { graphCode: 132068, title: 'Flow is blocked', failure: 'template' },
  { graphCode: 132069, title: 'Flow is throttled', failure: 'template' },
  { graphCode: 133000, title: 'Incomplete Deregistration', failure: 'account-blocked' },
  { graphCode: 133004, title: 'Server Temporarily Unavailable', failure: 'transient' },
  { graphCode: 133005, title: 'PIN mismatch', failure: 'account-blocked' },
  { graphCode: 133006, title: 'Phone number re-verification needed', failure: 'account-blocked' },
  { graphCode: 133008, title: 'Too many PIN guesses', failure: 'account-blocked' },
  { graphCode: 133009, title: 'PIN guessed too fast', failure: 'account-blocked' },
  { graphCode: 133010, title: 'Phone number not registered', failure: 'account-blocked' },
  { graphCode: 133015, title: 'Wait before registering', failure: 'account-blocked' },
  { graphCode: 133016, title: 'Registration rate limit exceeded', failure: 'account-blocked' },
  { graphCode: 134011, title: 'WhatsApp Payments terms not accepted', failure: 'account-blocked' },
  { graphCode: 135000, title: 'Generic user error', failure: 'permanent-request' },
  { graphCode: 137000, title: 'Identity key mismatch', failure: 'permanent-recipient' },
]

const BY_CODE = new Map(FAILURES.map((row) => [row.graphCode, row]))

/** What Meta's error means. Codes that are not in the table go by the rule of `classifyUnknown`. */
export function classify(error: GraphError): Failure {
  const row = error.graphCode === undefined ? undefined : BY_CODE.get(error.graphCode)
  const failure = exception(error, row?.failure) ?? row?.failure ?? classifyUnknown(error)
  return {
    failure,
    detail: describe(error, row?.title),
    ...(error.graphCode !== undefined && { graphCode: error.graphCode }),
    ...(error.fbtraceId !== undefined && { fbtraceId: error.fbtraceId }),
    ...(row?.maxTries !== undefined && { maxTries: row.maxTries }),
    ...(row?.waitMs !== undefined && { waitMs: row.waitMs }),
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

function describe(error: GraphError, title: string | undefined): string {
  const code = error.graphCode ?? `HTTP ${error.statusCode}`
  const subcode = error.subcode === undefined ? '' : `/${error.subcode}`
  const name = title ?? 'unknown error'
  // Most messages are `(#code) title` again; those of the token are sentences that say what is wrong with it.
  const sentence = /^\(#\d+\)/.test(error.message) ? undefined : error.message
  const more = error.details ?? sentence
  return `${code}${subcode} ${name}${more && more !== name ? `: ${more}` : ''}`
}
