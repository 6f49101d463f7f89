// Reads the container files as text, and runs the script in them that decides whether WhatsApp is simulated.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { apiSettings } from '../apps/api/src/config.ts'
import { workerSettings } from '../apps/worker/src/config.ts'
import { readSettings as readSimulatorSettings } from '../packages/simulator/src/settings.ts'
import { root } from './root.mjs'
import { runTool } from './tool.mjs'

const read = (path) => readFile(join(root, path), 'utf8')
const compose = await read('docker-compose.yml')
const dockerfile = await read('Dockerfile')
/** Its last stage. */
const image = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
const services = [...block(compose, 'services').matchAll(/^ {2}([a-z]+):$/gm)].map(([, name]) => name)
const service = (name) => block(block(compose, 'services'), name)

/** Set by the image. */
const listeners = ['HOST', 'SIMULATOR_HOST']
/** Read by OpenTelemetry itself, where TRACING is on. */
const ofOpenTelemetry = ['OTEL_EXPORTER_OTLP_ENDPOINT']
/** The file brings its own Redis, on a network of its own. */
const isOfOtherRedis = (name) => /^REDIS_(SENTINEL.*|CLUSTER|TLS.*)$/.test(name)

test('Redis loses nothing it has accepted: on disk before the answer, nothing evicted, files in a volume', () => {
  const command = block(service('redis'), 'command')
  expect(command).toContain('--appendonly yes --appendfsync always')
  expect(command).toContain('--maxmemory-policy noeviction')
  expect(service('redis')).toContain("volumes: ['redis-data:/data']")
})

test('Redis lets API and worker in as its least user, and others ping', async () => {
  const file = (await read('deploy/redis/users.acl')).trim().split('\n')
  const rules = block(service('redis'), 'command').split('--user ').slice(1).map(words)
  const ofThisFile = (rule) =>
    rule
      .replace('#PASSWORD_SHA256', "'>${REDIS_PASSWORD:-relais-in-compose}'")
      .replace(/^([~&])relais:\*$/, "'$1${QUEUE_PREFIX:-relais}:*'")
  const isOfCluster = (rule) => /^[~&]\{relais\}/.test(rule)
  expect(rules).toEqual(
    file.map((line) =>
      words(line.slice('user '.length))
        .filter((rule) => !isOfCluster(rule))
        .map(ofThisFile),
    ),
  )
  for (const name of ['api', 'worker']) {
    const login = { REDIS_USERNAME: 'relais', REDIS_PASSWORD: '${REDIS_PASSWORD:-relais-in-compose}' }
    expect(settingsOf(name)).toMatchObject(login)
  }
})

test('Redis is reached by the API and the worker only', () => {
  expect(service('redis')).not.toMatch(/^\s+(ports|expose):/m)
  expect(service('redis')).toContain('networks: [data]')
  expect(compose).toContain('data: { internal: true }')
  for (const name of ['simulator', 'prometheus', 'grafana']) expect(service(name)).not.toContain('networks:')
})

test('what is published is published on this machine only, unless RELAIS_BIND says otherwise', () => {
  const published = services.flatMap(
    (name) =>
      service(name)
        .match(/^ +ports: .*/m)?.[0]
        .trim() ?? [],
  )
  expect(published).toEqual([
    "ports: ['${RELAIS_BIND:-127.0.0.1}:${PORT:-3000}:3000']",
    "ports: ['127.0.0.1:${SIMULATOR_PORT:-4010}:4010']",
    "ports: ['127.0.0.1:${PROMETHEUS_PORT:-9090}:9090']",
    "ports: ['127.0.0.1:${GRAFANA_PORT:-3001}:3000']",
  ])
})

test.each(services)('%s is contained, limited, watched and restarted', (name) => {
  const contained = block(compose, 'x-contained')
  for (const line of [
    'read_only: true',
    'cap_drop: [ALL]',
    "security_opt: ['no-new-privileges:true']",
    'pids_limit: 128',
    'restart: unless-stopped',
  ]) {
    expect(contained).toContain(line)
  }
  expect(service(name)).toContain('<<: *contained')
  expect(service(name)).not.toMatch(
    /^ +(privileged|read_only|cap_drop|security_opt|pids_limit|user|pid|ipc|devices|\w+_mode):|docker\.sock/m,
  )
  expect(service(name)).toMatch(/mem_limit: \d+[mg]\n/)
  expect(block(service(name), 'healthcheck')).toContain('test: [CMD')
})

test('only Redis keeps capabilities: those it needs to stop being root', () => {
  expect(compose.match(/cap_add: .*/g)).toEqual(['cap_add: [CHOWN, DAC_READ_SEARCH, SETGID, SETUID]'])
})

test.each(['api', 'worker'])('%s waits for Redis, and its health is asked where it answers', (name) => {
  expect(block(service(name), 'depends_on')).toContain('redis: { condition: service_healthy }')
  const port = settingsOf(name).METRICS_PORT.replaceAll("'", '')
  expect(service(name)).toContain(`http://127.0.0.1:${port}/readyz`)
})

test.each([
  ['api', apiSettings],
  ['worker', workerSettings],
])('%s is given every setting it knows, and nothing else', (name, settings) => {
  const known = Object.values(settings).map((setting) => setting.name)
  const given = settingsOf(name)
  const wanted = without([...known, ...ofOpenTelemetry], listeners).filter(
    (setting) => !isOfOtherRedis(setting),
  )
  expect(Object.keys(given).sort()).toEqual(wanted.sort())
  const fixed = ['REDIS_URL', 'REDIS_USERNAME', 'REDIS_PASSWORD', 'PORT', 'METRICS_PORT']
  for (const setting of without(Object.keys(given), fixed)) expect(given[setting]).toBe(`\${${setting}:-}`)
})

test('the simulator is given what it knows, with its addresses in here, and starts in the demo only', () => {
  const known = new Set()
  readSimulatorSettings(new Proxy({}, { get: (_target, name) => void known.add(name) }))
  const given = settingsOf('simulator')
  expect(without(Object.keys(given), ['WHATSAPP_API_BASE_URL']).sort()).toEqual(
    without([...known], listeners).sort(),
  )
  expect(given.SIMULATOR_WEBHOOK_URL).toBe('http://api:3000/api/webhooks/whatsapp')
  expect(service('simulator')).toContain('profiles: [demo]')
})

test('what watches starts with its profile only, from pinned images, and reads what it is given', () => {
  const withProfile = services.filter((name) => service(name).includes('profiles: [observability]'))
  expect(withProfile).toEqual(['prometheus', 'grafana'])
  for (const name of withProfile) {
    expect(service(name)).toMatch(/image: \$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+\.\d+\.\d+\}/)
    const mounts = [...service(name).matchAll(/\.\/deploy\/[^'\s]+/g)].map(([mount]) => mount)
    expect(mounts).not.toEqual([])
    expect(mounts.filter((mount) => !mount.endsWith(':ro'))).toEqual([])
  }
})

test('Grafana lets nobody in without a password that somebody has chosen', () => {
  expect(service('grafana')).toContain("GF_AUTH_ANONYMOUS_ENABLED: 'false'")
  expect(service('grafana')).toContain('GF_SECURITY_ADMIN_PASSWORD: ${GRAFANA_PASSWORD:-}')
  const [, script] = /^ {6}- (test -n .*)$/m.exec(service('grafana'))
  const run = (password) =>
    runTool('sh', ['-c', script.replace('$$', '$').replace('/run.sh', 'echo started')], {
      env: { GF_SECURITY_ADMIN_PASSWORD: password },
    })
  return Promise.all([
    expect(run('')).resolves.toEqual({ code: 78, output: 'Set GRAFANA_PASSWORD in the .env.\n' }),
    expect(run('a b"c')).resolves.toEqual({ code: 0, output: 'started\n' }),
  ])
})

test('Prometheus looks for API and workers where they tell their metrics', async () => {
  const config = await read('deploy/prometheus/prometheus.yml')
  for (const name of ['api', 'worker']) {
    const port = settingsOf(name).METRICS_PORT.replaceAll("'", '')
    expect(config).toContain(`names: [${name}], type: A, port: ${port}`)
    // The image has HOST=0.0.0.0.
    expect(settingsOf(name).HOST).toBeUndefined()
  }
})

test('the file keeps to what old and new compose both read', () => {
  expect([...compose.matchAll(/^([a-z]\w*):/gm)].map(([, key]) => key)).toEqual([
    'services',
    'networks',
    'volumes',
  ])
  const inserted = compose.match(/\$(\{[^}]*\}|.)/g)
  expect(inserted.filter((text) => text !== '$$' && !/^\$\{[A-Z_]+:-[^${}]*\}$/.test(text))).toEqual([])
  expect(compose).not.toMatch(/start_interval|pull_policy|env_file|host_ip|required:/)
})

test('the image runs as a user that is not root, by a number, and node gets the signals', () => {
  expect(image).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m)
  expect(image).toContain('CMD ["node", "apps/api/dist/main.js"]')
  expect(image).toContain('HEALTHCHECK')
  expect(dockerfile).not.toMatch(/^# *syntax *=/m)
})

test('the image has Node, its libraries and our files in it: no shell, no package manager, no tools', () => {
  expect(image).toMatch(/^FROM scratch$/m)
  expect(image).not.toMatch(/^(RUN|ADD|SHELL) /m)
  // What runs is named without a shell.
  expect(image.match(/^ *CMD .*/gm)).toEqual([
    expect.stringMatching(/^ {2}CMD \["node", /),
    expect.stringMatching(/^CMD \["node", /),
  ])
  const copied = [...image.matchAll(/^COPY (.*)/gm)].map(([, what]) => what)
  expect(copied.toSorted()).toEqual(
    [
      '--from=system /mnt /',
      '--from=system --chown=1000:1000 /srv/log /var/log',
      '--from=dependencies /app ./',
      ...['apps/api', 'apps/cli', 'apps/worker', 'packages/core', 'packages/simulator'].map(compiled),
      'LICENSE ./',
      'apps/cli/bin apps/cli/bin',
      'apps/api/assets apps/api/assets',
      'packages/simulator/page packages/simulator/page',
      'scripts/start-container.mjs scripts/',
    ].toSorted(),
  )
  const system = dockerfile.slice(dockerfile.indexOf(' AS system\n'), dockerfile.indexOf('\nFROM scratch'))
  const programs = new Set(system.match(/\/usr\/(local\/)?s?bin\/\w+/g))
  expect(programs).toEqual(new Set(['/usr/local/bin/node', '/usr/local/bin/relais']))
})

test.each(['api', 'worker', 'simulator'])('%s is run and asked for its health without a shell', (name) => {
  expect(service(name)).toMatch(/^ {4}command: \[node, /m)
  expect(block(service(name), 'healthcheck')).toContain('test: [CMD, node, -e, ')
})

test('secrets may come from files: each that the settings know, and the file of a service is its own', async () => {
  const overlay = await read('docker-compose.secrets.yml')
  const files = block(overlay, 'x-shared-files')
  const inFile = (name) => block(block(overlay, 'services'), name)
  const given = (name) => [
    ...`${inFile(name).includes('*shared-files') ? files : ''}${inFile(name)}`.matchAll(
      /^ +([A-Z_]+)_FILE: (.*)$/gm,
    ),
  ]
  const secrets = Object.values(apiSettings).filter(({ isSecret }) => isSecret)
  const known = secrets.map((setting) => setting.name).filter((name) => !name.startsWith('REDIS_'))
  const ofTheApi = [
    'API_KEYS',
    'OPS_KEYS',
    'SUPABASE_HOOK_SECRETS',
    'ALERT_WEBHOOK_URL',
    'ALERT_WEBHOOK_SECRET',
  ]
  expect(
    given('api')
      .map(([, name]) => name)
      .sort(),
  ).toEqual(known.sort())
  expect(
    given('worker')
      .map(([, name]) => name)
      .sort(),
  ).toEqual(without(known, ofTheApi).sort())
  for (const name of ['api', 'worker', 'simulator']) {
    for (const [, setting, path] of given(name)) {
      expect(path).toBe(`/run/secrets/${setting.toLowerCase()}`)
      expect(inFile(name)).toMatch(new RegExp(`\\b${setting.toLowerCase()}\\b(?!.*_FILE)`))
      expect(overlay.slice(overlay.indexOf('\nsecrets:'))).toContain(
        `${setting.toLowerCase()}: { file: secrets/`,
      )
    }
  }
})

test('the image installs by the pnpm of the workspace, without what only development needs', async () => {
  const [pnpm] = (await read('scripts/setup.mjs')).match(/pnpm@[\d.]+/)
  expect(dockerfile).toContain(`RUN npm install --global ${pnpm}\n`)
  expect(dockerfile).toMatch(/AS dependencies\nRUN pnpm install --frozen-lockfile --prod\n/)
  expect(dockerfile).not.toContain('packages/testing')
})

test('the build sees neither a .env nor what this machine has built', async () => {
  const rules = (await read('.dockerignore')).split('\n')
  expect(rules.find((rule) => rule !== '' && !rule.startsWith('#'))).toBe('*')
  expect(rules).toEqual(expect.arrayContaining(['**/.*', '**/node_modules', '**/dist']))
  expect(rules.filter((rule) => rule.startsWith('!') && /env|\*/.test(rule))).toEqual([])
})

const metasToken = `EAA${'x'.repeat(180)}`

test.each([
  ['nothing of Meta is set', {}],
  ['the token is not one of Meta', { WHATSAPP_ACCESS_TOKEN: 'EAAG-made-up', WHATSAPP_PHONE_NUMBER_ID: '1' }],
  ['the address is the default', { WHATSAPP_API_BASE_URL: 'https://graph.facebook.com' }],
])('WhatsApp is simulated where the simulator runs and %s', async (_when, env) => {
  const { simulator, started } = await start('worker', env)
  expect(started).toEqual({ WHATSAPP_API_BASE_URL: simulator, WHATSAPP_APP_SECRET: 'demo-app-secret' })
})

test.each([
  ['a token of Meta', { WHATSAPP_ACCESS_TOKEN: metasToken, WHATSAPP_PHONE_NUMBER_ID: '1' }],
  ['a number whose token operators gave', { WHATSAPP_PHONE_NUMBER_ID: '1' }],
  ['an address of their own', { WHATSAPP_API_BASE_URL: 'https://graph.example' }],
])('a running simulator gets nothing from somebody who has set %s', async (_what, env) => {
  const { started } = await start('worker', env)
  expect(started).toEqual({ WHATSAPP_API_BASE_URL: env.WHATSAPP_API_BASE_URL })
})

test('a token in a file is as real as one in the environment, and both sides of a demo have it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relais-compose-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'secret')
  await writeFile(file, `${metasToken}\n`)
  const real = await start('worker', { WHATSAPP_ACCESS_TOKEN_FILE: file })
  expect(real.started).toEqual({})
  expect((await start('simulator', { WHATSAPP_ACCESS_TOKEN_FILE: file })).exitCode).toBe(78)

  // The apps read the file themselves; the simulator cannot.
  const worker = await start('worker', { WHATSAPP_APP_SECRET_FILE: file })
  expect(worker.started).toEqual({ WHATSAPP_API_BASE_URL: worker.simulator })
  const simulator = await start('simulator', { WHATSAPP_APP_SECRET_FILE: file })
  expect(simulator.started).toEqual({ WHATSAPP_APP_SECRET: metasToken })
})

test('the simulator does not pretend to be used while messages go to people', async () => {
  const { exitCode, errors } = await start('simulator', { WHATSAPP_ACCESS_TOKEN: metasToken })
  expect(exitCode).toBe(78)
  expect(errors).toContain('WHATSAPP_API_BASE_URL=')
  const asked = (simulator) => ({ WHATSAPP_ACCESS_TOKEN: metasToken, WHATSAPP_API_BASE_URL: simulator })
  expect((await start('simulator', asked)).exitCode).toBe(0)
})

/** Runs the start script beside a simulator that answers, with an app that prints what it is given. */
async function start(name, given) {
  const folder = await mkdtemp(join(tmpdir(), 'relais-compose-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const main = join(folder, `${name}.mjs`)
  await writeFile(
    main,
    `const { WHATSAPP_API_BASE_URL, WHATSAPP_APP_SECRET } = process.env
    console.log(JSON.stringify({ WHATSAPP_API_BASE_URL, WHATSAPP_APP_SECRET }))`,
  )
  const simulator = await simulatorStandIn()
  const env = typeof given === 'function' ? given(simulator) : given
  const args = [join(root, 'scripts/start-container.mjs'), main, simulator]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [lines, errors, exitCode] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise((resolve) => child.on('exit', resolve)),
  ])
  const last = lines.trim().split('\n').at(-1)
  return { simulator, exitCode, errors, started: last === '' ? undefined : JSON.parse(last) }
}

async function simulatorStandIn() {
  const server = createServer((_request, response) => response.end('phones'))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.close())
  return `http://127.0.0.1:${server.address().port}`
}

async function textOf(stream) {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

/** The settings a service is given, as written in the file. */
function settingsOf(name) {
  const environment = block(service(name), 'environment')
  const shared = environment.includes('<<: *shared-settings') ? block(compose, 'x-shared-settings') : ''
  const rows = [...`${shared}\n${environment}`.matchAll(/^ +([A-Z_]+): (.*?)(?: #.*)?$/gm)]
  return Object.fromEntries(rows.map(([, setting, value]) => [setting, value]))
}

/** How what a package or app was compiled to gets in. */
function compiled(folder) {
  return `--from=build /app/${folder}/dist ${folder}/dist`
}

function words(text) {
  return text.trim().split(/\s+/)
}

/** The lines under a key, as far as they are indented more than it. */
function block(text, key) {
  const lines = text.split('\n')
  const at = lines.findIndex((line) => line.trimStart().startsWith(`${key}:`))
  if (at < 0) throw new Error(`no ${key} in the file`)
  const depth = (line) => line.length - line.trimStart().length
  const after = lines.slice(at + 1)
  const end = after.findIndex((line) => line !== '' && depth(line) <= depth(lines[at]))
  return `${after.slice(0, end < 0 ? undefined : end).join('\n')}\n`
}

function without(names, left) {
  return names.filter((name) => !left.includes(name))
}
