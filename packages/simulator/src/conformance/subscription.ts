import { listOf, matching, nodeId, object, text } from './schema.ts'
import { pageOf } from './page.ts'

/** Subscribes the app of the token, to its own callback URL or to another. */
export const subscribeRequest = object(
  {},
  { override_callback_uri: matching('^https?://'), verify_token: text },
)

const subscribedApp = object(
  { whatsapp_business_api_data: object({ id: nodeId }, { name: text, link: matching('^https?://') }) },
  { override_callback_uri: matching('^https?://') },
)
export const subscribeAnswer = object({ success: { const: true } }, { data: listOf(subscribedApp) })
export const subscriptionsAnswer = pageOf(subscribedApp)
