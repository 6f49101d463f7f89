import type { AppSubscriptions } from './app-subscriptions.ts'
import type { OAuth } from './oauth.ts'
import type { PhoneNumbers } from './phone-numbers.ts'
import type { Handle, Route, Routes } from './routes.ts'
import type { SubscribedApps } from './subscribed-apps.ts'
import type { TemplateNodes } from './template-nodes.ts'
import type { Users } from './users.ts'

/** Every path of the Graph port. */
export function graphRoutes(deps: {
  businessId: string
  sendMessage: Handle
  oauth: OAuth
  debugToken: Handle
  users: Users
  readBusiness: Handle
  phoneNumbers: PhoneNumbers
  templates: TemplateNodes
  subscribedApps: SubscribedApps
  appSubscriptions: AppSubscriptions
}): Routes {
  const { oauth, users, phoneNumbers, templates, subscribedApps } = deps

  function nodeOf(id: string): Route {
    if (id === deps.businessId) return management('business', deps.readBusiness)
    if (templates.has(id)) return management('template', templates.read)
    if (phoneNumbers.has(id)) return management('phone_number', phoneNumbers.read)
    return { kind: 'user', handle: users.read }
  }

  return {
    'POST */messages': { kind: 'send', handle: deps.sendMessage },
    'GET oauth/access_token': ({ query }) => ({
      kind: query['grant_type'] === 'client_credentials' ? 'app_token' : 'exchange',
      handle: oauth.accessToken,
    }),
    'GET oauth/revoke': { kind: 'revoke', handle: oauth.revoke },
    'GET debug_token': { kind: 'debug_token', handle: deps.debugToken },
    'POST */access_tokens': { kind: 'issue_token', handle: users.issueToken },
    'DELETE */permissions': { kind: 'permissions', handle: users.withdraw },
    'DELETE */permissions/*': { kind: 'permissions', handle: users.withdraw },
    'GET */message_templates': management('message_templates', templates.list),
    'POST */message_templates': management('create_template', templates.create),
    'DELETE */message_templates': management('delete_template', templates.remove),
    'POST */upsert_message_templates': management('create_template', templates.upsert),
    'POST */unpause': management('edit_template', templates.unpause),
    'POST *': management('edit_template', templates.edit),
    'GET */phone_numbers': management('phone_numbers', phoneNumbers.list),
    'POST */register': management('register', phoneNumbers.register),
    'POST */deregister': management('deregister', phoneNumbers.deregister),
    'GET */subscribed_apps': management('subscribed_apps', subscribedApps.list),
    'POST */subscribed_apps': management('subscribed_apps', subscribedApps.subscribe),
    'DELETE */subscribed_apps': management('subscribed_apps', subscribedApps.unsubscribe),
    'GET */subscriptions': { kind: 'app_subscriptions', handle: deps.appSubscriptions.list },
    'POST */subscriptions': { kind: 'app_subscriptions', handle: deps.appSubscriptions.subscribe },
    'GET *': ({ node }) => nodeOf(node),
  }
}

function management(kind: Route['kind'], handle: Handle): Route {
  return { kind, handle, isManagement: true }
}
