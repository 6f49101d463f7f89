/**
 * `fallback open` and `fallback keygen`: sealed fallback records made readable, away from Relais, by whoever has the key.
 *
 * What is written is what FALLBACK_CODES=plain would have written, so it is kept the same way: after its deadline a record has no code.
 */
import {
  createAgeOpen,
  createSealer,
  encryptionSettings,
  fieldOf,
  isAgeText,
  makeAgeIdentity,
  openContent,
  readAgeIdentities,
  readSettings,
  SettingsError,
  type Environment,
} from '@relais/core'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { textOf, UsageError, type CommandContext } from '../command.ts'
import { json } from '../printable.ts'

/** Opens the code of one record; undefined if it does not open with what we have. */
type OpenCode = (record: { messageId: string; code: string }) => Promise<string | undefined>

/** Reads records from a file or standard input. Answers 1 if one did not open, or none was there. */
export async function openRecords(
  context: CommandContext,
  io: { input?: NodeJS.ReadableStream; warn?: (text: string) => void; now?: () => number } = {},
): Promise<number> {
  const { warn = (text) => void process.stderr.write(text), now = Date.now } = io
  const identity = textOf(context, 'identity')
  const openCode =
    identity === undefined ? openerByOwnKeys(context.environment()) : await openerByIdentity(identity)
  const [path = '-'] = context.positionals
  let [found, closed] = [0, 0]
  for await (const line of linesOf(path, io.input)) {
    const record = recordIn(line)
    if (!record) continue
    found += 1
    const { code, ...rest } = record
    const messageId = String(record['messageId'])
    const isExpired = Date.parse(String(record['expiresAt'])) <= now()
    const opened = typeof code === 'string' && !isExpired ? await openCode({ messageId, code }) : undefined
    if (opened === undefined && code !== undefined && !isExpired) {
      closed += 1
      warn(`${messageId} does not open with this key\n`)
    }
    const shown = {
      ...rest,
      ...(opened !== undefined && { code: opened }),
      ...(isExpired && { expired: true }),
    }
    context.print(json(shown, 0))
  }
  if (found === 0) warn('There is no fallback record in this.\n')
  return found === 0 || closed > 0 ? 1 : 0
}

/** Makes an identity for `FALLBACK_PUBLIC_KEY`. It is written to a new file and never shown. */
export async function makeIdentity(context: CommandContext): Promise<number> {
  const path = textOf(context, 'identity')
  if (path === undefined) throw new UsageError('fallback keygen takes --identity FILE: a file to make')
  const { identity, recipient } = await makeAgeIdentity()
  const text = `# created: ${new Date().toISOString()}\n# public key: ${recipient}\n${identity.reveal()}\n`
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.appendFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'there is a file of this name, and it is not written over' : code
    process.stderr.write(`The identity was not written: ${why}.\n`)
    return 1
  }
  const { print, paint } = context
  if (context.values['json']) print(json({ recipient, identityFile: path }))
  else {
    print(`FALLBACK_PUBLIC_KEY=${paint.bold(recipient)}\n`)
    print(
      'The private key is in the file. Keep that away from the servers of Relais, and a copy of it safe.\n',
    )
  }
  return 0
}

/** Codes sealed by Relais to itself, and those that were not sealed at all. */
function openerByOwnKeys(environment: Environment): OpenCode {
  const sealer = createSealer(readSettings(environment, encryptionSettings).encryptionKeys)
  return async ({ messageId, code }) => {
    if (isAgeText(code)) return undefined
    if (!code.startsWith('v1.')) return code
    const content = openContent(sealer, messageId, code)
    return content?.type === 'otp' ? content.code : undefined
  }
}

/** Codes sealed to the holder of an identity. */
async function openerByIdentity(path: string): Promise<OpenCode> {
  const openAge = await createAgeOpen(await readIdentityFile(path))
  return async ({ code }) => {
    if (isAgeText(code)) return openAge(code)
    return code.startsWith('v1.') ? undefined : code
  }
}

async function readIdentityFile(path: string) {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new SettingsError([`The identity file cannot be read (${error.code})`])
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new SettingsError(['The identity file is no file'])
    if ((stat.mode & 0o077) !== 0)
      throw new SettingsError([
        'The identity file can be read by others: make it yours alone (chmod 600), and think of a new key',
      ])
    const identities = readAgeIdentities(await file.readFile('utf8'))
    if (!identities)
      throw new SettingsError(['The identity file holds something else than AGE-SECRET-KEY-1...'])
    return identities
  } finally {
    await file.close()
  }
}

/** A file or, for `-`, standard input, line by line. */
async function* linesOf(path: string, stdin: NodeJS.ReadableStream = process.stdin): AsyncIterable<string> {
  const input = path === '-' ? stdin : createReadStream(path)
  try {
    yield* createInterface({ input, crlfDelay: Infinity })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SettingsError([`The records cannot be read (${code})`])
  }
}

/** The fallback record in a line, which may stand behind what a log shipper puts before it; undefined for any other line. */
function recordIn(line: string): Record<string, unknown> | undefined {
  try {
    const record: unknown = JSON.parse(line.slice(Math.max(0, line.indexOf('{'))))
    return fieldOf(record, 'event') === 'message.fallback' ? (record as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
