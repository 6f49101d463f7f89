import type { Operation } from '../src/conformance/index.ts'

const edges: Readonly<Record<string, Operation>> = {
  'POST messages': 'send',
  'POST access_tokens': 'issue_token',
  'GET phone_numbers': 'phone_numbers',
  'GET message_templates': 'list_templates',
  'POST message_templates': 'create_template',
  'DELETE message_templates': 'delete_template',
  'POST upsert_message_templates': 'upsert_templates',
  'POST unpause': 'unpause_template',
  'POST register': 'register',
  'POST deregister': 'deregister',
  'GET subscribed_apps': 'subscriptions',
  'POST subscribed_apps': 'subscribe',
  'DELETE subscribed_apps': 'unsubscribe',
  'GET revoke': 'revoke',
}

/** Which operation a call is; nothing: there are no checks for it. `businessId` tells a business from its numbers. */
export function operationOf(method: string, url: string, businessId: string): Operation | undefined {
  const { pathname, searchParams } = new URL(url, 'http://graph')
  const [, , node = '', edge] = pathname.split('/')
  if (node === 'debug_token') return 'debug_token'
  if (node === 'oauth' && edge === 'access_token')
    return searchParams.get('grant_type') === 'client_credentials' ? 'app_token' : 'exchange'
  if (edge !== undefined) return edges[`${method} ${edge}`]
  if (/^594\d+$/.test(node)) return method === 'GET' ? 'template' : 'edit_template'
  if (method !== 'GET' || !/^10\d+$/.test(node)) return undefined
  return node === businessId ? 'business' : 'phone_number'
}
