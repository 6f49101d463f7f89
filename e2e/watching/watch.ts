/** A real Prometheus that watches a system of a test with the rules that are shipped, sixty times as fast. */
import { readFile } from 'node:fs/promises'
import {
  eventually,
  freePort,
  prometheusCommand,
  startPrometheus,
  type PrometheusAlert,
  type PrometheusServer,
} from '@relais/testing'
import { afterAll, beforeAll } from 'vitest'
import { startSystem, type Scope, type System, type SystemOptions } from '../system.ts'
import { compressRules } from './compress.ts'

/** Minutes become seconds: five of them, as most rules wait, are five. */
const FACTOR = 60

/** With rules so fast, so often is looked. */
const SCRAPE = 'scrape_interval: 500ms, scrape_timeout: 450ms, evaluation_interval: 500ms'

const FIRES_WITHIN_MS = 90_000

const rules = await readFile(new URL('../../deploy/prometheus/relais.rules.yml', import.meta.url), 'utf8')

/** Where there is no Prometheus, and none can be fetched, what needs one is skipped. */
export const hasPrometheus: boolean = prometheusCommand('prometheus') !== undefined

/** How an alert is waited for. */
type Wait = {
  /** Labels that it must have. */
  labels?: Record<string, string>
  /** Done each time before it is looked at: what has to go on for it to come. */
  meanwhile?: () => Promise<unknown>
}

export type Watch = Awaited<ReturnType<typeof watch>>

/** One system, and one Prometheus that watches it, for all tests of a file. */
export function watchedSystem(options: SystemOptions | (() => Promise<SystemOptions>) = {}): () => {
  system: System
  watch: Watch
} {
  const closers: (() => Promise<void>)[] = []
  let watched: { system: System; watch: Watch } | undefined
  beforeAll(async () => {
    const scope: Scope = { onTestFinished: (close) => void closers.push(close) }
    const ports = { api: await freePort(), worker: await freePort() }
    const given = typeof options === 'function' ? await options() : options
    const system = await startSystem(scope, {
      ...given,
      env: { ...given.env, METRICS_PORT: String(ports.api) },
      workerEnv: { ...given.workerEnv, METRICS_PORT: String(ports.worker) },
    })
    watched = { system, watch: await watch(scope, ports) }
  }, 120_000)
  afterAll(async () => {
    for (const close of closers.toReversed()) await close()
  })
  return () => {
    if (!watched) throw new Error('the system has not started')
    return watched
  }
}

async function watch(scope: Scope, ports: { api: number; worker: number }) {
  const prometheus: PrometheusServer = await startPrometheus({
    'prometheus.yml': configuration(ports),
    'relais.rules.yml': compressRules(rules, FACTOR),
  })
  scope.onTestFinished(() => prometheus.stop())
  await eventually(
    () => prometheus.query('up'),
    (series) => series.length === 2 && series.every(({ value }) => value[1] === '1'),
    { timeoutMs: FIRES_WITHIN_MS, everyMs: 100, what: 'both processes being watched' },
  )

  return {
    prometheus,

    /** Waits until an alert of this name fires; gives it. */
    async fires(name: string, wait: Wait = {}): Promise<PrometheusAlert> {
      const [alert] = await until(name, wait, ({ length }) => length > 0, 'that it fires')
      if (!alert) throw new Error('unreachable')
      return alert
    },

    /** Waits until no alert of this name fires any more. */
    async clears(name: string, wait: Wait = {}): Promise<void> {
      await until(name, wait, ({ length }) => length === 0, 'that it clears')
    },
  }

  function until(name: string, wait: Wait, holds: (firing: PrometheusAlert[]) => boolean, what: string) {
    const { labels = {}, meanwhile } = wait
    const isMeant = (alert: PrometheusAlert) =>
      alert.state === 'firing' &&
      alert.labels['alertname'] === name &&
      Object.entries(labels).every(([label, value]) => alert.labels[label] === value)
    return eventually(
      async () => {
        await meanwhile?.()
        return (await prometheus.alerts()).filter(isMeant)
      },
      holds,
      { timeoutMs: FIRES_WITHIN_MS, everyMs: 200, what: `${name}: ${what}` },
    )
  }
}

function configuration({ api, worker }: { api: number; worker: number }): string {
  const job = (name: string, port: number) =>
    `  - { job_name: ${name}, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }`
  return [
    `global: { ${SCRAPE} }`,
    'rule_files: [relais.rules.yml]',
    'scrape_configs:',
    job('relais-api', api),
    job('relais-worker', worker),
  ].join('\n')
}
