import type { IncomingMessage, ServerResponse } from 'node:http'
import { createActions, type Action } from './actions.ts'
import type { Recipients } from '../world/recipients.ts'
import { answer, answerJson } from './answer.ts'
import type { Answers } from './answers.ts'
import { isFromElsewhere, isOurHost, isSameOrigin } from '../guard.ts'
import { readBody } from './json-body.ts'
import type { Panel } from './panel.ts'
import type { Phones } from './phones.ts'
import { readStaticFiles } from './static-files.ts'
import { createStream } from './stream.ts'

/**
 * The page that shows the recipients' phones: `/`, its files, and everything under `/phones/`. It shares the Graph
 * port, whose own paths all begin with `/v`; nothing but a phone's switches and a person's two answers can be done
 * from here.
 */
export async function createPhonesPage(deps: {
  listeningHost: string
  phones: Phones
  recipients: Recipients
  answers: Answers
  panel: Panel
}) {
  const files = await readStaticFiles()
  const stream = createStream(deps)
  const actions = createActions(deps)

  /** Answers a request that is the page's and says so; leaves every other one alone. */
  function handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request)
    const isOurs = path.startsWith('/phones/') || (files.has(path) && request.method === 'GET')
    if (isOurs) serve(path, request, response)
    return isOurs
  }

  function serve(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (!isOurHost(request, deps.listeningHost))
      return answerJson(response, 403, { error: 'call this page by localhost or an address' })
    if (isFromElsewhere(request))
      return answerJson(response, 403, { error: 'only the page itself may do this' })
    const action = actions[path]
    if (action !== undefined) return void act(action, request, response)
    const file = files.get(path)
    if (file === undefined && path !== '/phones/events')
      return answerJson(response, 404, { error: 'nothing is here' })
    if (request.method !== 'GET')
      return answerJson(response, 405, { error: 'only GET works here' }, { allow: 'GET' })
    if (file === undefined) stream.add(response)
    else answer(response, 200, file.type, file.content)
  }

  return { handle, refresh: stream.refresh, close: stream.close }
}

async function act(action: Action, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A body that nobody reads would be taken for the next request.
  const refuse = (statusCode: number, error: string, headers = {}) =>
    answerJson(response, statusCode, { error }, { connection: 'close', ...headers })
  if (request.method !== 'POST') return refuse(405, 'only POST works here', { allow: 'POST' })
  if (!isSameOrigin(request)) return refuse(403, 'only the page itself may do this')
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    return refuse(415, 'content-type must be application/json')
  const read = await readBody(request)
  const complaint = 'complaint' in read ? read.complaint : action(read.body)
  if (complaint !== null) return refuse(complaint.statusCode, complaint.error)
  answerJson(response, 200, { ok: true })
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
