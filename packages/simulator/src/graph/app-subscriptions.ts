import { isWebUrl, type Endpoint } from '../webhooks/endpoint.ts'
import { checkGiven } from './app-check.ts'
import { unknownObject, type CallerCheck } from './caller-check.ts'
import { parametersOf, type GraphCall } from './call.ts'
import { badParameter, refuse, reply, type GraphReply, type Refusal } from './reply.ts'
import { webhookAnswer } from './subscribed-apps.ts'

const OBJECT = 'whatsapp_business_account'

/** `/{app_id}/subscriptions`: the webhook URL of the app itself. For app tokens only. */
export function createAppSubscriptions(deps: { appId: string; caller: CallerCheck; endpoint: Endpoint }) {
  const { appId, endpoint } = deps
  /** As the app asked for them; the simulator sends every field. */
  let fields = ['messages']

  function refusalOf(call: GraphCall, verb: 'get' | 'post'): Refusal | undefined {
    const caller = deps.caller.check(call, 400)
    if (caller.refusal !== undefined) return caller.refusal
    if (call.node !== appId) return unknownObject(verb, call.node)
    return caller.value.type === 'APP' ? undefined : { graphCode: 15 }
  }

  function list(call: GraphCall): GraphReply {
    const refusal = refusalOf(call, 'get')
    if (refusal !== undefined) return refuse(refusal)
    const { url } = endpoint.state()
    const named = fields.map((name) => ({ name, version: call.version }))
    return reply({
      data: url === null ? [] : [{ object: OBJECT, callback_url: url, active: true, fields: named }],
    })
  }

  /** The URL must answer the challenge before the call is answered. */
  function subscribe(call: GraphCall): GraphReply | Promise<GraphReply> {
    const given = parametersOf(call)
    const accessToken = call.accessToken ?? given['access_token']
    const refusal = refusalOf({ ...call, accessToken }, 'post') ?? checkSubscription(given)
    if (refusal !== undefined) return refuse(refusal)
    const { callback_url: url = '', verify_token: verifyToken = '' } = given
    fields = given['fields']?.match(/\w+/g) ?? fields
    return endpoint.replace({ url, verifyToken }).then(webhookAnswer)
  }

  return { list, subscribe }
}

export type AppSubscriptions = ReturnType<typeof createAppSubscriptions>

function checkSubscription(given: Readonly<Record<string, string>>): Refusal | undefined {
  if (given['object'] !== OBJECT) return badParameter(`Param object must be one of {${OBJECT}}`)
  if (!isWebUrl(given['callback_url'] ?? '')) return badParameter('callback_url must be a valid URL')
  return checkGiven(given, 'verify_token')
}
