import { anyText, count, matching, object, oneOf, shortText, text, type JsonSchema } from './schema.ts'
import { validator } from './validate.ts'

/** HTTP status -> the codes that come with it on WhatsApp paths, by Meta's list of November 2025. */
const codesByStatus: Readonly<Record<number, readonly number[]>> = {
  400: [
    1, 4, 15, 17, 33, 100, 101, 613, 2200, 2500, 80007, 130429, 130472, 131008, 131009, 131021, 131026,
    131030, 131037, 131042, 131047, 131048, 131049, 131050, 131051, 131052, 131053, 131056, 132000, 132005,
    132007, 132012, 132015, 132016, 132018, 132068, 132069, 133005, 133006, 133008, 133009, 133010, 133015,
    133016, 134011, 135000,
  ],
  401: [0, 104, 190],
  403: [10, 200, 368, 130497, 131005, 131031],
  404: [132001],
  429: [4, 17, 80007],
  500: [3, 131000, 131016, 131045, 131057, 133000],
  503: [2, 133004],
}
/** Real codes whose status no source gives. */
const unknownStatus = [102, 80008, 130403, 131043, 131062, 131063, 131064, 137000]
/** Calls about tokens answer 400 where WhatsApp paths answer 401. */
const tokenErrors = [0, 102, 104, 190]
/** Errors of the Graph layer whose message is a sentence without `(#code)`. */
const plainCodes = [0, 1, 2, 100, 101, 102, 104, 190, 2500]
const firstWhatsAppCode = 130_000

const errorData = object({ messaging_product: oneOf('whatsapp'), details: text })

const errorAnswer: JsonSchema = object({
  error: object(
    {
      message: text,
      type: oneOf('OAuthException', 'GraphMethodException'),
      code: count,
      fbtrace_id: matching('^[A-Za-z0-9_-]{10,40}$'),
    },
    {
      error_subcode: count,
      error_data: errorData,
      is_transient: { type: 'boolean' },
      error_user_title: shortText(200),
      error_user_msg: anyText,
    },
  ),
})

const findShapeFaults = validator(errorAnswer, 'body')

type GraphError = { message: string; type: string; code: number; error_subcode?: number; error_data?: object }

/** What is wrong with the body of a call that failed; `isAboutTokens`: `/oauth/*`, `/debug_token` and the like. */
export function errorFaults(statusCode: number, body: unknown, isAboutTokens: boolean): string[] {
  const shape = findShapeFaults(body)
  if (shape.length > 0) return shape
  const { error } = body as { error: GraphError }
  return [...statusFaults(statusCode, error.code, isAboutTokens), ...wordFaults(error), ...typeFaults(error)]
}

function statusFaults(statusCode: number, code: number, isAboutTokens: boolean): string[] {
  if (unknownStatus.includes(code))
    return statusCode >= 400 ? [] : [`HTTP ${statusCode} does not go with an error`]
  const statuses = Object.keys(codesByStatus)
    .map(Number)
    .filter((status) => codesByStatus[status]?.includes(code))
  if (isAboutTokens && tokenErrors.includes(code)) statuses.push(400)
  if (statuses.length === 0) return [`body/error/code ${code} is not on the list of errors`]
  return statuses.includes(statusCode)
    ? []
    : [`HTTP ${statusCode} does not go with code ${code}: ${statuses.join(' or ')} does`]
}

function wordFaults({ code, message, error_data: data }: GraphError): string[] {
  const isNumbered = message.startsWith(`(#${code}) `)
  return [
    ...(isNumbered || plainCodes.includes(code) ? [] : [`body/error/message must begin with (#${code})`]),
    ...(data === undefined && code >= firstWhatsAppCode ? ['body/error/error_data is missing'] : []),
    ...(data !== undefined && tokenErrors.includes(code)
      ? ['body/error/error_data is not there on token errors']
      : []),
  ]
}

/** A missing object and a fault of the proof are errors of the Graph method, all others of OAuth. */
function typeFaults({ code, error_subcode: subcode, message, type }: GraphError): string[] {
  const isMethods = code === 100 && (subcode === 33 || /^(API calls|Invalid) .*appsecret_proof/.test(message))
  const expected = isMethods ? 'GraphMethodException' : 'OAuthException'
  return type === expected ? [] : [`body/error/type must be ${expected}`]
}
