import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from './failure.mjs'

/**
 * Waits until a URL gives an answer that is good enough.
 * @param accept of the HTTP status; by default 200 only.
 */
export async function whenAnswers({ name, url, withinMs, accept = (status) => status === 200 }) {
  const deadline = Date.now() + withinMs
  let last = 'nothing listens there'
  while (Date.now() < deadline) {
    const status = await statusOf(url)
    if (status !== undefined && accept(status)) return
    if (status !== undefined) last = `the last answer was ${status}`
    await sleep(50)
  }
  throw new Failure(`${name} was not ready within ${withinMs / 1000} s: ${url}, ${last}`)
}

function statusOf(url) {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}
