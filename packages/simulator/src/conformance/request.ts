import { operations, rowOf, type Operation } from './operations.ts'
import { parseJson, validator, type FindFaults } from './validate.ts'

/** Header names in lower case, as Node gives them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** A request to the Graph API. */
export type GraphRequest = {
  readonly method: string
  /** Without the query: `/v26.0/106540352242922/messages`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Headers
  /** As it was sent; `''` for none. */
  readonly body: string
}

type Checks = { findQueryFaults: FindFaults; findBodyFaults: FindFaults | undefined; path: RegExp }

const checks = Object.fromEntries(
  Object.keys(operations).map((name) => [name, compile(name as Operation)]),
) as Record<Operation, Checks>

function compile(operation: Operation): Checks {
  const { path, query, body } = rowOf(operation)
  const pattern = path.replaceAll('.', '\\.').replace('{version}', 'v\\d+\\.\\d+').replace('{id}', '\\d+')
  return {
    findQueryFaults: validator(query, 'query'),
    findBodyFaults: body === undefined ? undefined : validator(body, 'body'),
    path: new RegExp(`^${pattern}$`),
  }
}

/**
 * What is wrong with a request, by Meta's documentation: method, path, parameters, place of the access token, body. One
 * line per fault, none = it conforms. Faults name places, never values.
 */
export function requestFaults(operation: Operation, request: GraphRequest): string[] {
  const row = rowOf(operation)
  const isMethod = request.method === row.method
  const isPath = checks[operation].path.test(request.path)
  return [
    ...(isMethod ? [] : [`the method must be ${row.method}`]),
    ...(isPath ? [] : [`the path must be ${row.path}, with a version like v26.0 and an id of digits`]),
    ...accessTokenFaults(operation, request),
    ...(row.isForm ? parameterFaults(operation, request) : bodyAndQueryFaults(operation, request)),
  ]
}

const BEARER = /^Bearer [^\s]+$/

function accessTokenFaults(operation: Operation, { headers, query, body }: GraphRequest): string[] {
  const place = rowOf(operation).accessToken
  const { authorization } = headers
  const isInHeader = authorization !== undefined
  const isParameter = 'access_token' in query || body.includes('access_token')
  const isBad = isInHeader && !(typeof authorization === 'string' && BEARER.test(authorization))
  return [
    ...(isBad ? ['the header authorization must be Bearer, one space and the access token'] : []),
    ...(place === 'header' && !isInHeader ? ['the header authorization is missing'] : []),
    ...(place === 'header' && isParameter ? ['the access token belongs into the header only'] : []),
    ...(place === 'nowhere' && isInHeader ? ['the call takes no access token in its header'] : []),
    ...(place === 'header or parameter' && !isInHeader && !isParameter
      ? ['the access token is missing']
      : []),
  ]
}

function bodyAndQueryFaults(operation: Operation, request: GraphRequest): string[] {
  const { findQueryFaults, findBodyFaults } = checks[operation]
  // Where it must not stand is said once, by the check of its place.
  const { access_token: token, ...rest } = request.query
  const mayBeParameter = rowOf(operation).accessToken === 'header or parameter'
  const query = mayBeParameter && token !== undefined ? request.query : rest
  if (findBodyFaults === undefined)
    return [...findQueryFaults(query), ...(request.body === '' ? [] : ['the call takes no body'])]
  return [...findQueryFaults(query), ...jsonFaults(operation, request, findBodyFaults)]
}

function jsonFaults(operation: Operation, { headers, body }: GraphRequest, findFaults: FindFaults): string[] {
  const row = rowOf(operation)
  if (body === '' && row.isBodyOptional) return []
  const parsed = parseJson(body, 'body')
  const type = headers['content-type']
  const isJson = typeof type === 'string' && /^application\/json(;|$)/i.test(type)
  const typeFaults = isJson ? [] : ['the header content-type must be application/json']
  if ('fault' in parsed) return [...typeFaults, parsed.fault]
  const faults = findFaults(parsed.value)
  // The finer rules read a body whose shape is right.
  return [...typeFaults, ...(faults.length > 0 ? faults : (row.bodyFaults?.(parsed.value) ?? []))]
}

function parameterFaults(operation: Operation, { query, body }: GraphRequest): string[] {
  const parsed = parseJson(body, 'body')
  const fromBody =
    'value' in parsed ? (parsed.value as object) : Object.fromEntries(new URLSearchParams(body))
  return checks[operation].findQueryFaults({ ...query, ...fromBody })
}
