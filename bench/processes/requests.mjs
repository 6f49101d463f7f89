/** The bytes of each request of a plan. */
import { postBytes } from './http-lanes.mjs'
import { messageText } from './recipients.mjs'
import { signature, webhookText } from './webhooks.mjs'

/** @returns make(place): the bytes of the request at this place of the plan */
export function createMaker({ make, path, headers = {}, size = 1, from = 0, ids, status, appSecret }) {
  const makers = { message, batch, webhook }
  return makers[make]

  function message(place) {
    return postBytes(path, headers, messageText(from + place))
  }

  function batch(place) {
    const texts = Array.from({ length: size }, (_, i) => messageText(from + place * size + i))
    return postBytes(path, headers, `{"messages":[${texts.join(',')}]}`)
  }

  function webhook(place) {
    const updates = ids.slice(place * size, (place + 1) * size).map((own) => ({ ...own, status }))
    const body = webhookText(updates)
    return postBytes(path, { ...headers, 'x-hub-signature-256': signature(appSecret, body) }, body)
  }
}
