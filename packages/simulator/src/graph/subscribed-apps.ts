import { isWebUrl, type Endpoint } from '../webhooks/endpoint.ts'
import { unknownObject, type CallerCheck } from './caller-check.ts'
import { parametersOf, type GraphCall } from './call.ts'
import { refuse, reply, type GraphReply, type Refusal } from './reply.ts'

/** `/{waba_id}/subscribed_apps`: whether the app gets the webhooks of the business, and where. */
export function createSubscribedApps(deps: {
  appId: string
  appName: string
  businessId: string
  caller: CallerCheck
  endpoint: Endpoint
}) {
  const { endpoint } = deps

  function refusalOf(call: GraphCall, method: 'get' | 'post' | 'delete'): Refusal | undefined {
    const caller = deps.caller.check(call)
    if (caller.refusal !== undefined) return caller.refusal
    if (call.node !== deps.businessId) return unknownObject(method, call.node)
    return caller.value.scopes.includes('whatsapp_business_management') ? undefined : { graphCode: 10 }
  }

  function list(call: GraphCall): GraphReply {
    const refusal = refusalOf(call, 'get')
    if (refusal !== undefined) return refuse(refusal)
    const { appId: id, appName: name } = deps
    const override = endpoint.override()
    const app = {
      whatsapp_business_api_data: { id, name, link: `https://www.facebook.com/games/?app_id=${id}` },
      ...(override === undefined ? {} : { override_callback_uri: override }),
    }
    return reply({ data: endpoint.state().isSubscribed ? [app] : [] })
  }

  /** With `override_callback_uri` the URL must answer the challenge before the call does. */
  function subscribe(call: GraphCall): GraphReply | Promise<GraphReply> {
    const refusal = refusalOf(call, 'post')
    if (refusal !== undefined) return refuse(refusal)
    const { override_callback_uri: url, verify_token: verifyToken } = parametersOf(call)
    if (url === undefined) return endpoint.subscribe().then(webhookAnswer)
    if (!isWebUrl(url)) return refuse(badParameter('override_callback_uri must be a valid URL'))
    if (!verifyToken) return refuse(badParameter('The parameter verify_token is required'))
    return endpoint.subscribe({ url, verifyToken }).then(webhookAnswer)
  }

  function unsubscribe(call: GraphCall): GraphReply {
    const refusal = refusalOf(call, 'delete')
    if (refusal !== undefined) return refuse(refusal)
    endpoint.unsubscribe()
    return reply({ success: true })
  }

  return { list, subscribe, unsubscribe }
}

export type SubscribedApps = ReturnType<typeof createSubscribedApps>

/** The answer of a call that asked a URL for its challenge. */
export function webhookAnswer(problem: string | undefined): GraphReply {
  if (problem === undefined) return reply({ success: true })
  const sentence = `(#2200) Callback verification failed with the following errors: ${problem}`
  return refuse({ graphCode: 2200, sentence })
}

function badParameter(text: string): Refusal {
  return { graphCode: 100, sentence: `(#100) ${text}` }
}
