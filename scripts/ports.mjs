import { once } from 'node:events'
import { createServer } from 'node:net'
import { Failure } from './failure.mjs'

const malformed = 78 // EX_CONFIG, as the apps themselves use it

/**
 * The ports of all processes, from their settings.
 * @param env settings; an empty value counts as none.
 * @returns `{ PORT, SIMULATOR_PORT?, SIMULATOR_ADMIN_PORT?, apiMetrics, workerMetrics }`; 0 is "any", or "off" for metrics.
 */
export function readPorts(env, { isSimulated }) {
  const faults = []
  const read = (name, fallback) => {
    const value = parsePort(env[name] || String(fallback))
    if (value === undefined)
      faults.push(`${name} is not a port: give a number from 0 to 65535, for example ${fallback}`)
    return value
  }
  const ports = { PORT: read('PORT', 3000) }
  if (isSimulated) {
    ports.SIMULATOR_PORT = read('SIMULATOR_PORT', 4010)
    ports.SIMULATOR_ADMIN_PORT = read('SIMULATOR_ADMIN_PORT', 4011)
  }
  const metrics = read('METRICS_PORT', 9464)
  // Two processes on one machine cannot share the one setting: the worker gets the next port, 0 stays off.
  const next = metrics === 0 ? 0 : metrics + 1
  if (next > 65535) faults.push('METRICS_PORT leaves no port above it for the worker: give at most 65534')
  if (faults.length > 0) throw new Failure(faults.join('\n'), { exitCode: malformed })
  return { ...ports, apiMetrics: metrics, workerMetrics: next }
}

/** A port number, or undefined for text that is none. */
export function parsePort(text) {
  if (!/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

/** The address at which a listener on this host is reached from this machine. */
export function reachableHost(host) {
  if (!host || ['0.0.0.0', '::', 'localhost'].includes(host)) return '127.0.0.1'
  return host
}

/**
 * Fails with one line unless every port can be listened on and no two are the same.
 * @param wanted rows of `{ port, setting, host }`; port 0 is left out.
 */
export async function requireFreePorts(wanted) {
  const seen = new Map()
  for (const { port, setting, host } of wanted.filter((row) => row.port !== 0)) {
    if (seen.has(port))
      throw new Failure(`${setting} and ${seen.get(port)} are both ${port}: change one of them`)
    seen.set(port, setting)
    const code = await listenError(port, host)
    if (code === 'EADDRINUSE')
      throw new Failure(`port ${port} is in use: end what uses it, or set ${setting} to another`)
    if (code)
      throw new Failure(`cannot listen on ${host}, port ${port} (${code}): check ${setting} and the host`)
  }
}

/** A TCP port that was free on 127.0.0.1 a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function listenError(port, host) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(error.code))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
