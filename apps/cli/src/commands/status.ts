/** `status`: one screen about the running system, as its API tells it. */
import type { Environment } from '@relais/core'
import { askApi, detailOf, findOperatorApi } from '../operator-api.ts'
import type { Paint } from '../paint.ts'
import { renderStatus, renderUnknown } from '../status-view.ts'
import { ALL_WELL, readWhatsappStatus, type WhatsappStatus } from '../whatsapp-status.ts'
import { json } from '../printable.ts'

/** The API asks Meta before it answers, which may take `SEND_TIMEOUT_MS`: 30 s at most. */
const TIMEOUT_MS = 35_000

const EXIT_CODES = { connected: 0, degraded: 1, fallback: 2 } as const
const EXIT_UNKNOWN = 3
const EXIT_CONFIG = 78

type Problem = { why: string; nextStep: string }
type Look = { kind: 'known'; status: WhatsappStatus } | ({ kind: 'unknown' } & Problem)

/** Answers the exit code. */
export async function runStatus(deps: {
  environment: Environment
  isJson: boolean
  paint: Paint
  print: (text: string) => void
  now?: () => number
}): Promise<number> {
  const { isJson, paint, print, now = Date.now } = deps
  const api = findOperatorApi(deps.environment)
  if ('fault' in api) {
    const { fault, nextStep, isSetting } = api
    print(unknown({ why: `The state cannot be told: ${fault}.`, nextStep }))
    return isSetting ? EXIT_CONFIG : EXIT_UNKNOWN
  }
  const look = await lookAt(api)
  if (look.kind === 'unknown') {
    print(unknown(look))
    return EXIT_UNKNOWN
  }
  const { status } = look
  print(isJson ? asJson(status) : renderStatus({ status, url: api.url, now: now() }, paint))
  return EXIT_CODES[status.mode]

  function unknown({ why, nextStep }: Problem): string {
    return isJson ? json({ mode: 'unknown', why, nextStep }) : renderUnknown({ why, nextStep }, paint)
  }
}

function asJson({ mode, ...rest }: WhatsappStatus): string {
  const [worst] = rest.findings
  return json({ mode, why: worst?.what ?? ALL_WELL, ...(worst && { nextStep: worst.remedy }), ...rest })
}

async function lookAt(api: Parameters<typeof askApi>[0]): Promise<Look> {
  const answer = await askApi(api, {
    method: 'GET',
    path: '/api/admin/overview',
    timeoutMs: TIMEOUT_MS,
  })
  if (answer.kind === 'fault') return { ...answer, kind: 'unknown' }
  const status = answer.statusCode === 200 ? readWhatsappStatus(answer.body) : undefined
  if (status) return { kind: 'known', status }
  if (answer.statusCode === 503) {
    return {
      kind: 'unknown',
      why: `The API runs, but cannot do its work: ${detailOf(answer)}`,
      nextStep:
        'Redis does not answer: see to it first. Nothing is accepted meanwhile. Then look here again.',
    }
  }
  return {
    kind: 'unknown',
    why: `The API at ${api.url} gave no status: ${detailOf(answer)}.`,
    nextStep: 'Is RELAIS_URL the API of Relais, in a version that fits this tool? Its log may say more.',
  }
}
