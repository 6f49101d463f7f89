/** Each query of the dashboards is asked of a Prometheus that watches a system with traffic: a panel that stays empty helps nobody. */
import { readdirSync, readFileSync } from 'node:fs'
import { eventually, startRedis, type RedisServer } from '@relais/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recipients } from '../system.ts'
import { hasPrometheus, watchedSystem } from './watch.ts'

type Panel = { type: string; title: string; targets?: { refId: string; expr: string }[] }

const folder = new URL('../../deploy/grafana/dashboards/', import.meta.url)

const queries = readdirSync(folder).flatMap((file) => {
  const { panels } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({ name: `${file.replace('.json', '')}: ${title} (${refId})`, expr })),
  )
})

/** What there is nothing of while all is well. */
const EMPTY_WHILE_WELL = [/: Paused \(A\)$/, /: In the way \(C\)$/, /: Refused, a minute \(A\)$/]

/** The variables of Grafana, and those of the dashboards. Windows are those of a test that is a few seconds old. */
function fill(expr: string): string {
  const values: Record<string, string> = {
    $__rate_interval: '10s',
    $__range: '10s',
    $template: '.+',
    $language: '.+',
  }
  return expr.replace(/\$\w+/g, (name) => values[name] ?? name).replaceAll(/\[(5m|30m|1h)\]/g, '[10s]')
}

describe.skipIf(!hasPrometheus)('the dashboards (need a Prometheus)', { timeout: 120_000 }, () => {
  let redis: RedisServer | undefined
  afterAll(() => redis?.stop())
  const started = watchedSystem(async () => {
    redis = await startRedis({ args: ['--maxmemory', '100mb'] })
    return { redisUrl: redis.url, env: { PUMPING_GUARD: 'off', SEND_RATE_PER_SECOND: '80' } }
  })

  beforeAll(async () => {
    const { system, watch } = started()
    const [first = '', ...others] = recipients(20)
    // Somebody without the right key, somebody without WhatsApp, and all the others.
    await system.call('GET', '/api/messages/msg_1', 'not-a-key-of-anybody')
    await system.send('+221771230026', '482913')
    for (const to of others) await system.send(to, '482913')
    await system.reaches(await system.send(first, '482913'), ['delivered'])
    await eventually(
      () => watch.prometheus.query('sum(rate(relais_messages_ended_total{end="fallback"}[10s])) > 0'),
      ({ length }) => length > 0,
      { timeoutMs: 30_000, everyMs: 200, what: 'traffic that Prometheus has seen' },
    )
  }, 90_000)

  it('have queries', () => {
    expect(queries.length).toBeGreaterThan(50)
  })

  it.each(queries)('$name: $expr', async ({ name, expr }) => {
    const { prometheus } = started().watch
    const isRare = EMPTY_WHILE_WELL.some((pattern) => pattern.test(name))
    const series = await eventually(
      () => prometheus.query(fill(expr)),
      ({ length }) => length > 0 || isRare,
      { timeoutMs: 5000, everyMs: 250, what: `a series of ${fill(expr)}` },
    )
    if (isRare) expect(series).toEqual([])
  })
})
