import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { killWithUs } from './undertaker.ts'

const READY_WITHIN_MS = 30_000
const ANSWER_WITHIN_MS = 5000

/** One alert of Prometheus that is pending or firing. */
export type PrometheusAlert = {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
}

/** One series that a query answers with. A value is a number as text, or `NaN`, `+Inf`. */
export type PrometheusSeries = { metric: Record<string, string>; value: [number, string] }

/** A Prometheus of the test's own. */
export interface PrometheusServer {
  readonly url: string
  /** Alerts that are pending or firing now. */
  alerts(): Promise<PrometheusAlert[]>
  /** @throws Error with the words of Prometheus when it cannot read the query */
  query(expression: string): Promise<PrometheusSeries[]>
  /** Ends it for good; calling it again is harmless. */
  stop(): Promise<void>
}

/** The command of a program of Prometheus, or undefined where it is not to be had. */
export function prometheusCommand(program: 'prometheus' | 'promtool'): string | undefined {
  return process.env[program === 'prometheus' ? 'RELAIS_PROMETHEUS' : 'RELAIS_PROMTOOL'] || undefined
}

/**
 * Starts a Prometheus on a free port of 127.0.0.1, with its data in a folder of its own. It ends with the test process at the latest.
 *
 * @param files by their names, beside one another: `prometheus.yml`, and those that it names
 * @throws Error when there is none, or when it does not come up
 */
export async function startPrometheus(
  files: Record<string, string> & { 'prometheus.yml': string },
): Promise<PrometheusServer> {
  const command = prometheusCommand('prometheus')
  if (!command)
    throw new Error('No Prometheus for this test: run it through `npm test`, or set RELAIS_PROMETHEUS')
  const folder = await mkdtemp(join(tmpdir(), 'relais-prometheus-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    command,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk).slice(-2000)))
  child.once('error', (error) => (said = error.message))
  const exited = once(child, 'close').catch(() => undefined)
  if (child.pid !== undefined) {
    const grave = killWithUs(child.pid)
    void exited.then(() => grave.release())
  }

  const stop = async () => {
    await end(child, exited)
    await rm(folder, { recursive: true, force: true })
  }

  const ask = async <Data>(path: string): Promise<Data> => {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    const body = (await answer.json()) as { status: string; error?: string; data: Data }
    if (body.status !== 'success') throw new Error(`Prometheus: ${body.error}`)
    return body.data
  }

  await eventually(
    async () => child.exitCode !== null || (await isReady(url)),
    (isSettled) => isSettled,
    { timeoutMs: READY_WITHIN_MS, everyMs: 50, what: 'a Prometheus that is ready' },
  )
  if (child.exitCode !== null) {
    await stop()
    throw new Error(`Prometheus did not start: ${said.trim()}`)
  }

  return {
    url,
    alerts: async () => (await ask<{ alerts: PrometheusAlert[] }>('/api/v1/alerts')).alerts,
    query: async (expression) =>
      (await ask<{ result: PrometheusSeries[] }>(`/api/v1/query?query=${encodeURIComponent(expression)}`))
        .result,
    stop,
  }
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/-/ready`).catch(() => undefined)
  return answer?.ok ?? false
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), ANSWER_WITHIN_MS)
  await exited
  clearTimeout(timer)
}
