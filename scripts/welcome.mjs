import { isSet } from './settings.mjs'

/**
 * What a newcomer needs, once everything is ready. Keys of our own making are shown; those from the environment are
 * not, and the examples read them from variables.
 * @param facts `api` and `phones` (URLs; no phones when Meta is real), `redis` (safe to show), `keys`, `env`.
 */
export function welcomeText({ api, phones, redis, keys, env }) {
  const apiKey = isSet(env, 'API_KEYS') ? '$API_KEY' : keys.apiKey
  const opsKey = isSet(env, 'OPS_KEYS') ? '$OPS_KEY' : keys.opsKey
  const body = '{"to":"+221771234567","type":"otp","code":"482913"}'
  const rows = [
    ['API and its docs', `${api}/docs`],
    [
      'Status',
      `${api}/admin   (${isSet(env, 'OPS_KEYS') ? 'an operator and their key' : 'user ops, password: the ops key'})`,
    ],
    ['Queues', `${api}/admin/queues   (likewise)`],
    ['WhatsApp', phones ? `simulated; the phones: ${phones}` : 'real: messages reach people'],
    ['Redis', redis],
    ['API key', isSet(env, 'API_KEYS') ? 'from the environment' : `${keys.apiKey}   (app demo)`],
    ['Ops key', isSet(env, 'OPS_KEYS') ? 'from the environment' : `${keys.opsKey}   (operator ops)`],
  ]
  return [
    '',
    'Relais is ready. Ctrl-C stops all of it.',
    '',
    ...rows.map(([label, value]) => `  ${label.padEnd(18)}${value}`),
    '',
    '  Send a code:',
    `    curl -s ${api}/api/messages -H 'Content-Type: application/json' \\`,
    `      -H "Authorization: Bearer ${apiKey}" -d '${body}'`,
    '  See what became of it, with the id of the answer:',
    `    curl -s ${api}/api/messages/ID -H "Authorization: Bearer ${apiKey}"`,
    '  How the token and the queues are:',
    `    curl -s ${api}/api/wallet/whatsapp-status -H "Authorization: Bearer ${opsKey}"`,
    '',
  ].join('\n')
}

/** Where Redis is, without user and password. */
export function shownRedis(env) {
  if (env.REDIS_SENTINELS) return `sentinels ${env.REDIS_SENTINELS}`
  if (env.REDIS_CLUSTER) return `cluster ${env.REDIS_CLUSTER}`
  try {
    const { protocol, host, pathname } = new URL(env.REDIS_URL)
    return `${protocol}//${host}${pathname}`
  } catch {
    return 'from REDIS_URL'
  }
}
