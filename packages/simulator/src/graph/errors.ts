/** One row of Meta's error list, as its page of 2025-11-14 printed it. */
export type GraphErrorRow = {
  readonly title: string
  /** HTTP status when the error comes in the answer of a call. */
  readonly statusCode: number
  readonly type?: 'GraphMethodException'
  /** Meta says itself that trying again may help. */
  readonly isTransient?: true
  /** Token and application errors: `message` is the bare title and there is no `error_data`. */
  readonly plain?: true
}

/** Error code -> what the answer looks like. Codes that are not here answer 400. */
export const graphErrors: Readonly<Record<number, GraphErrorRow>> = {
  0: { title: 'AuthException', statusCode: 401, plain: true },
  1: { title: 'API Unknown', statusCode: 400 },
  2: { title: 'API Service', statusCode: 503, isTransient: true },
  3: { title: 'API Method', statusCode: 500 },
  4: { title: 'API Too Many Calls', statusCode: 400 },
  10: { title: 'Permission Denied', statusCode: 403 },
  15: { title: 'This method must be called with an app access_token.', statusCode: 400 },
  17: { title: 'API User Too Many Calls', statusCode: 400 },
  33: { title: 'Parameter value is not valid', statusCode: 400 },
  100: { title: 'Invalid parameter', statusCode: 400 },
  101: { title: 'Error validating application.', statusCode: 400, plain: true },
  102: { title: 'API Session', statusCode: 401, plain: true },
  104: { title: 'An access token is required to request this resource.', statusCode: 401, plain: true },
  190: { title: 'Access token has expired', statusCode: 401, plain: true },
  200: { title: 'API Permission', statusCode: 403 },
  368: { title: 'Temporarily blocked for policies violations', statusCode: 403 },
  613: { title: 'Calls to this api have exceeded the rate limit.', statusCode: 400 },
  2500: { title: 'Unknown path components', statusCode: 400, plain: true },
  80007: { title: 'Rate limit issues', statusCode: 400 },
  80008: { title: 'WhatsApp Business Management API limit', statusCode: 400 },
  130403: { title: 'Business blocked the user', statusCode: 400 },
  130429: { title: 'Rate limit hit', statusCode: 400 },
  130472: { title: "User's number is part of an experiment", statusCode: 400 },
  130497: {
    title: 'Business account is restricted from messaging users in this country.',
    statusCode: 403,
  },
  131000: { title: 'Something went wrong', statusCode: 500 },
  131005: { title: 'Access denied', statusCode: 403 },
  131008: { title: 'Required parameter is missing', statusCode: 400 },
  131009: { title: 'Parameter value is not valid', statusCode: 400 },
  131016: { title: 'Service unavailable', statusCode: 500 },
  131021: { title: 'Recipient cannot be sender', statusCode: 400 },
  131026: { title: 'Message Undeliverable', statusCode: 400 },
  131030: { title: 'Recipient phone number not in allowed list', statusCode: 400 },
  131031: { title: 'Account has been locked', statusCode: 403 },
  131037: {
    title: 'WhatsApp provided number needs display name approval before message can be sent.',
    statusCode: 400,
  },
  131042: { title: 'Business eligibility payment issue', statusCode: 400 },
  131043: { title: 'Message expired', statusCode: 400 },
  131045: { title: 'Incorrect certificate', statusCode: 500 },
  131047: { title: 'Re-engagement message', statusCode: 400 },
  131048: { title: 'Spam rate limit hit', statusCode: 400 },
  131049: {
    title: 'This message was not delivered to maintain healthy ecosystem engagement.',
    statusCode: 400,
  },
  131050: { title: 'User has stopped marketing messages', statusCode: 400 },
  131051: { title: 'Unsupported message type', statusCode: 400 },
  131052: { title: 'Media download error', statusCode: 400 },
  131053: { title: 'Media upload error', statusCode: 400 },
  131056: { title: '(Business Account, Consumer Account) pair rate limit hit', statusCode: 400 },
  131057: { title: 'Account in maintenance mode', statusCode: 500 },
  131062: { title: 'BSUID recipients are not supported for this message', statusCode: 400 },
  131063: { title: 'Marketing templates are disabled on Cloud API', statusCode: 400 },
  131064: { title: 'Messaging limit because of template classification violations', statusCode: 400 },
  132000: { title: 'Number of parameters does not match the expected number of params', statusCode: 400 },
  132001: { title: 'Template name does not exist in the translation', statusCode: 404 },
  132005: { title: 'Template Hydrated Text Too Long', statusCode: 400 },
  132007: { title: 'Template Format Character Policy Violated', statusCode: 400 },
  132012: { title: 'Template Parameter Format Mismatch', statusCode: 400 },
  132015: { title: 'Template is Paused', statusCode: 400 },
  132016: { title: 'Template is Disabled', statusCode: 400 },
  132018: { title: 'Template validation error', statusCode: 400 },
  132068: { title: 'Flow is blocked', statusCode: 400 },
  132069: { title: 'Flow is throttled', statusCode: 400 },
  133000: { title: 'Incomplete Deregistration', statusCode: 500 },
  133004: { title: 'Server Temporarily Unavailable', statusCode: 503 },
  133005: { title: 'Two step verification PIN Mismatch', statusCode: 400 },
  133006: { title: 'Phone number re-verification needed', statusCode: 400 },
  133008: { title: 'Too Many two step verification PIN Guesses', statusCode: 400 },
  133009: { title: 'Two step verification PIN Guessed Too Fast', statusCode: 400 },
  133010: { title: 'Phone number Not Registered', statusCode: 400 },
  133015: { title: 'Please wait a few minutes before attempting to register', statusCode: 400 },
  133016: { title: 'Account register deregister rate limit exceeded', statusCode: 400 },
  134011: { title: 'WhatsApp Payments terms not accepted', statusCode: 400 },
  135000: { title: 'Generic user error', statusCode: 400 },
  137000: { title: 'Identity key mismatch', statusCode: 400 },
}

/** What Meta adds to some codes, where a field report gave the exact text. */
export const graphErrorDetails: Readonly<Record<number, { subcode?: number; details: string }>> = {
  130429: { subcode: 2494055, details: 'Cloud API message throughput has been reached.' },
  131026: { details: 'Message Undeliverable.' },
  131030: { subcode: 2655007, details: 'Recipient phone number not in allowed list' },
  131047: {
    details: 'Message failed to send because more than 24 hours have passed since the customer last replied.',
  },
  131056: {
    details: 'Message failed to send because there were too many messages sent from this phone number.',
  },
}
