import { randomBytes, randomInt } from 'node:crypto'
import { readJson, writePrivateJson } from './private-file.mjs'

const makers = {
  apiKey: () => randomBytes(24).toString('base64url'),
  opsKey: () => randomBytes(24).toString('base64url'),
  encryptionKey: () => randomBytes(32).toString('base64'),
  webhookVerifyToken: () => randomBytes(16).toString('hex'),
  phoneNumberId: () => digits(15),
  businessId: () => digits(15),
  appId: () => digits(15),
  appSecret: () => randomBytes(16).toString('hex'),
}

/** The keys of this folder: made once and kept, since messages sealed with them outlive a restart. */
export async function loadKeys(file) {
  const kept = await readJson(file)
  const missing = Object.keys(makers).filter((name) => typeof kept?.[name] !== 'string')
  if (missing.length === 0) return kept
  const keys = { ...kept, ...Object.fromEntries(missing.map((name) => [name, makers[name]()])) }
  await writePrivateJson(file, keys)
  return keys
}

/** What a simulated access token looks like: made anew at each start and never stored. */
export function simulatedAccessToken() {
  return `EAA${randomBytes(48).toString('base64url').replaceAll(/[-_]/g, 'x')}`
}

/** Like Meta's ids: decimal digits, no leading zero. */
function digits(count) {
  return String(randomInt(1, 10)) + Array.from({ length: count - 1 }, () => randomInt(10)).join('')
}
