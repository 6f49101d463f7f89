import type { ServerResponse } from 'node:http'

/** On every answer of the page: nothing runs but its own files, nobody frames it, nothing is kept. */
export const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** A whole answer. */
export function answer(
  response: ServerResponse,
  statusCode: number,
  type: string,
  content: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(statusCode, { ...pageHeaders, 'content-type': type, ...headers }).end(content)
}

/** A JSON answer. */
export function answerJson(
  response: ServerResponse,
  statusCode: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  answer(response, statusCode, 'application/json; charset=utf-8', JSON.stringify(body), headers)
}
