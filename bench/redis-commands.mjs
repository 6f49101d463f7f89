/**
 * Which commands Redis gets, and how long each takes: by its slow log, with everything counted as slow. A script is one command with a name; what
 * it calls inside is part of it. The log itself takes time: the microseconds are for comparing.
 */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
const MOST_ENTRIES = 500_000

/** The name of its connection, or its address, tells who sent a command. */
const [ARGS, ADDRESS, NAME] = [3, 4, 5]
const MICROS = 2

/**
 * Runs `work`. Answers { command: { times, us } }: how often, and microseconds in all, of what is sent to the database `db`; without what `redis`
 * itself sends. Connections that end meanwhile are not counted.
 */
export async function countCommands({ redis, db }, work) {
  const names = await bullmqScripts()
  await redis.config('SET', 'slowlog-max-len', MOST_ENTRIES)
  await redis.slowlog('RESET')
  await redis.config('SET', 'slowlog-log-slower-than', 0)
  try {
    await work()
  } finally {
    await redis.config('SET', 'slowlog-log-slower-than', -1)
  }
  const counts = {}
  const addresses = await addressesOf(redis, db)
  for (const entry of await redis.slowlog('GET', MOST_ENTRIES)) {
    // What a script calls has none.
    if (!addresses.has(entry[ADDRESS])) continue
    const by = entry[NAME].replace(/^relais-/, '').replace(/:.*/, '')
    const label = `${by} ${labelOf(entry[ARGS], names)}`.trim()
    const count = (counts[label] ??= { times: 0, us: 0 })
    count.times += 1
    count.us += entry[MICROS]
  }
  await redis.slowlog('RESET')
  return counts
}

async function addressesOf(redis, db) {
  const own = await redis.client('ID')
  const lines = (await redis.client('LIST')).split('\n')
  const fields = lines.map((line) => Object.fromEntries(line.split(' ').map((field) => field.split(/=(.*)/))))
  return new Set(
    fields.filter((each) => each.db === String(db) && each.id !== String(own)).map(({ addr }) => addr),
  )
}

/** `evalsha moveToActive`, or, for a script that is not BullMQ's, its keys: `evalsha message:* content:* timers`. */
function labelOf([command, ...args], names) {
  const name = command.toLowerCase()
  if (name !== 'evalsha' && name !== 'eval') return args.length > 0 ? `${name} ${kindOfKey(args[0])}` : name
  const [script, keyCount, ...rest] = args
  const sha = name === 'evalsha' ? script : createHash('sha1').update(script).digest('hex')
  const kinds = [...new Set(rest.slice(0, Number(keyCount)).map(kindOfKey))]
  return `evalsha ${names.get(sha) ?? `${kinds.join(' ')} #${sha.slice(0, 4)}`}`
}

/** A key without what names a single thing. */
export function kindOfKey(key) {
  return String(key)
    .replace(/^(relais|bull):/, '')
    .replace(/msg_[\w-]{22}/g, '*')
    .replace(/(pair:\d+:)[\w-]+/, '$1*')
    .replace(/(found-by:).*/, '$1*')
    .replace(/\d{5,}/g, '*')
}

async function bullmqScripts() {
  const folder = join(dirname(dirname(require.resolve('bullmq'))), 'esm/scripts')
  const files = (await readdir(folder)).filter((file) => /-\d+\.js$/.test(file))
  const scripts = await Promise.all(files.map((file) => import(pathToFileURL(join(folder, file)).href)))
  const contents = scripts.flatMap((module) => Object.values(module)).filter(({ content }) => content)
  return new Map(
    contents.map(({ name, content }) => [createHash('sha1').update(content).digest('hex'), name]),
  )
}
