/** Options and exit codes that several commands have. */
import type { Option } from '../command.ts'

export const JSON_OPTION = {
  json: { type: 'boolean', about: 'print JSON, for programs' },
} as const satisfies Record<string, Option>

/** Of commands that ask the API. */
export const API_OPTIONS = {
  ...JSON_OPTION,
  url: { type: 'string', value: 'URL', about: 'where the API is; RELAIS_URL unless given' },
} as const satisfies Record<string, Option>

/** Of commands that work in Redis. */
export const NO_REDIS = 'Redis does not answer'

/** Of commands that ask the API. */
export const NOT_ANSWERED = 'refused, or the API does not answer: the reason is on standard error'
