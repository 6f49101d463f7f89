/** The API of Relais as an operator calls it. Answers are data; the key goes into a header and nowhere else. */
import { Fault, fieldOf, Secret, SettingsError, settingText, type Environment } from '@relais/core'
import { printable } from './printable.ts'

export type OperatorApi = { url: string; key: Secret }

/** What is missing to ask the API at all. */
export type NoApi = { fault: string; nextStep: string; isSetting: boolean }

/** `body` is JSON. A fault is no answer of the API's, and says what to do about it. */
export type ApiAnswer =
  { kind: 'answer'; statusCode: number; body: object } | { kind: 'fault'; why: string; nextStep: string }

/** Where the API is, and the key to ask it with. */
export function findOperatorApi(environment: Environment): OperatorApi | NoApi {
  const url = environment['RELAIS_URL']?.trim() || `http://127.0.0.1:${environment['PORT']?.trim() || 3000}`
  if (!isBaseUrl(url)) {
    return {
      fault: 'RELAIS_URL or PORT gives no URL to ask',
      nextStep:
        'Set RELAIS_URL to where the API is, without a key in it. Example: RELAIS_URL=http://127.0.0.1:3000',
      isSetting: true,
    }
  }
  const given = settingText(environment, { name: 'RELAIS_OPS_KEY', isSecret: true })
  const ring = given ?? settingText(environment, { name: 'OPS_KEYS', isSecret: true })
  if (ring instanceof Fault) {
    const name = given instanceof Fault ? 'RELAIS_OPS_KEY_FILE' : 'OPS_KEYS_FILE'
    return { fault: `${name} ${ring.problem}`, nextStep: `Correct ${name}, or unset it.`, isSetting: true }
  }
  const key = given === undefined ? firstPlainKey(ring ?? '') : ring
  if (key === undefined || !/^[\x21-\x7e]+$/.test(key)) {
    return {
      fault: 'there is no ops key to ask the API with',
      nextStep:
        'Put the key of an operator into RELAIS_OPS_KEY: in .env (mode 0600), or with `read -rs RELAIS_OPS_KEY; export RELAIS_OPS_KEY`. ' +
        'Keys that stand as sha256:... in OPS_KEYS cannot be used.',
      isSetting: false,
    }
  }
  return { url: url.replace(/\/+$/, ''), key: new Secret(key) }
}

/** What an operator is told: the answer, or nothing but what stands on standard error already. */
export type Told = { kind: 'answer'; body: object } | { kind: 'refused' }

type Request = { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; path: string; body?: object; timeoutMs: number }

/** For commands that do one thing: asks, and says on standard error why there is no answer. Throws a `SettingsError`. */
export async function askOperatorApi(environment: Environment, request: Request): Promise<Told> {
  const api = findOperatorApi(environment)
  if ('fault' in api) throw new SettingsError([`The API cannot be asked: ${api.fault}. ${api.nextStep}`])
  const answer = await askApi(api, request)
  if (answer.kind === 'fault') {
    process.stderr.write(`${answer.why} ${answer.nextStep}\n`)
    return { kind: 'refused' }
  }
  if ([200, 202].includes(answer.statusCode)) return { kind: 'answer', body: answer.body }
  const again = fieldOf(answer.body, 'retryAfterSeconds')
  const when = typeof again === 'number' ? ` Try again in ${again} s.` : ''
  process.stderr.write(`${printable(detailOf(answer))}${when}\n`)
  return { kind: 'refused' }
}

/** One call, answered whole within `timeoutMs`; `body` goes as JSON. A key that is not taken is a fault as well. */
export async function askApi({ url, key }: OperatorApi, request: Request): Promise<ApiAnswer> {
  const { method, path, body, timeoutMs } = request
  const headers = { authorization: `Bearer ${key.reveal()}`, accept: 'application/json' }
  try {
    const answer = await fetch(url + path, {
      method,
      headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
      body: body ? JSON.stringify(body) : null,
      // A redirect would take the key somewhere else.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return readAnswer(url, answer.status, await answer.text())
  } catch (error) {
    return {
      kind: 'fault',
      why: `The API does not answer at ${url}: ${whyUnreachable(error, timeoutMs)}.`,
      nextStep: 'Is it running (npm start, docker compose ps)? If it is elsewhere, set RELAIS_URL.',
    }
  }
}

function readAnswer(url: string, statusCode: number, text: string): ApiAnswer {
  const body = parsed(text)
  if (statusCode === 401 || statusCode === 403) {
    const detail = fieldOf(body, 'detail')
    return {
      kind: 'fault',
      why: `The API at ${url} does not take this key (${statusCode}).${typeof detail === 'string' ? ` ${printable(detail)}` : ''}`,
      nextStep:
        "Set RELAIS_OPS_KEY to an operator's key with the scope that this takes: one of those in the API's own OPS_KEYS, or one that keys " +
        "create --operator makes. An app's key will not do.",
    }
  }
  if (body) return { kind: 'answer', statusCode, body }
  return {
    kind: 'fault',
    why: `What answers at ${url} is not the API of Relais: HTTP ${statusCode} without JSON.`,
    nextStep: 'Set RELAIS_URL to the API itself; a proxy or another program answers there.',
  }
}

/** The words of an error answer: its `detail`, or its number. */
export function detailOf({ statusCode, body }: { statusCode: number; body: unknown }): string {
  const detail = fieldOf(body, 'detail')
  return typeof detail === 'string' ? detail : `HTTP ${statusCode}`
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && `${username}${password}${search}${hash}` === ''
}

function firstPlainKey(opsKeys: string): string | undefined {
  const keys = opsKeys.split(',').map((entry) => entry.trim().split(':').slice(1).join(':'))
  return keys.find((key) => key !== '' && !key.startsWith('sha256:'))
}

function parsed(text: string): object | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}

/** A code of the network's, never a message: it could quote the request. */
function whyUnreachable(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no whole answer within ${timeoutMs / 1000} s`
  const code = fieldOf(fieldOf(error, 'cause'), 'code')
  return typeof code === 'string' ? code : 'the connection failed'
}
