import { isWebUrl, type Endpoint } from '../webhooks/endpoint.ts'
import { parametersOf, type GraphCall } from './call.ts'
import type { Management } from './management.ts'
import { badParameter, refuse, reply, type GraphReply } from './reply.ts'

/** `/{waba_id}/subscribed_apps`: whether the app gets the webhooks of the business, and where. */
export function createSubscribedApps(deps: {
  appId: string
  appName: string
  management: Management
  endpoint: Endpoint
}) {
  const { endpoint, management } = deps

  function app(): object {
    const { appId: id, appName: name } = deps
    const override = endpoint.override()
    return {
      whatsapp_business_api_data: { id, name, link: `https://www.facebook.com/games/?app_id=${id}` },
      ...(override === undefined ? {} : { override_callback_uri: override }),
    }
  }

  /** With `override_callback_uri` the URL must answer the challenge before the call does. */
  function subscribe(call: GraphCall): GraphReply | Promise<GraphReply> {
    const { override_callback_uri: url, verify_token: verifyToken } = parametersOf(call)
    if (url === undefined) return endpoint.subscribe().then(webhookAnswer)
    if (!isWebUrl(url)) return refuse(badParameter('override_callback_uri must be a valid URL'))
    if (!verifyToken) return refuse(badParameter('The parameter verify_token is required'))
    if (!endpoint.state().isSubscribed) return refuse(badParameter(NOT_SUBSCRIBED))
    return endpoint.subscribe({ url, verifyToken }).then(webhookAnswer)
  }

  return {
    list: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'get', () => reply({ data: endpoint.state().isSubscribed ? [app()] : [] })),
    subscribe: (call: GraphCall): GraphReply | Promise<GraphReply> =>
      management.ofBusiness(call, 'post', () => subscribe(call)),
    unsubscribe: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'delete', () => {
        endpoint.unsubscribe()
        return reply({ success: true })
      }),
  }
}

const NOT_SUBSCRIBED =
  'Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp ' +
  'Business Account'

export type SubscribedApps = ReturnType<typeof createSubscribedApps>

/** The answer of a call that asked a URL for its challenge. */
export function webhookAnswer(problem: string | undefined): GraphReply {
  if (problem === undefined) return reply({ success: true })
  const sentence = `(#2200) Callback verification failed with the following errors: ${problem}`
  return refuse({ graphCode: 2200, sentence })
}
