/** One run: load and faults together, then peace until everything has ended, then the audit. */
import { setMaxListeners } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit, questions, unsettled, type Audit } from './audit.ts'
import { createClient, type RequestCounts } from './client.ts'
import { createFallbackRecord } from './fallback-record.ts'
import { createLoad } from './load.ts'
import { createMetaRecord } from './meta-record.ts'
import type { Mutant } from './mutants/mutants.ts'
import { areWithReplica, victimName, type Fault } from './plan.ts'
import type { Records } from './records.ts'
import { createResources, type Growth } from './resources.ts'
import { ask, settle } from './settle.ts'
import { strike } from './strike.ts'
import { startSystem, type System } from './system.ts'

/** The records are read so often; an end counts from when it is read. */
const DRAIN_EVERY_MS = 200
const SAMPLE_EVERY_MS = 5000
const TELL_EVERY_MS = 30_000

/** What a message may need beyond the time to deliver: calls that hang, receipts that are waited for, jobs of a dead worker. */
const SETTLE_MARGIN_MS = 60_000

export type RunOptions = {
  seed: number
  loadMs: number
  ratePerSecond: number
  workers: number
  apis: number
  deliverWithinSeconds: number
  plan: readonly Fault[]
  without: readonly Mutant[]
  /** Given up waiting for messages so long after the last of them should have been delivered. */
  settleMarginMs?: number
  /** A folder for what the processes write. */
  logs?: string
  /** Told what happens, a line at a time. */
  say: (line: string) => void
  stopping?: AbortSignal
}

export type Report = {
  seed: number
  seconds: { load: number; settling: number }
  ratePerSecond: number
  workers: number
  apis: number
  deliverWithinSeconds: number
  without: readonly Mutant[]
  /** Faults that were carried out, by kind. */
  faults: Record<string, number>
  started: number
  audit: Audit
  requests: RequestCounts
  growth: Growth[]
  /** What must not happen in a run, besides what the audit says. */
  errors: string[]
}

/** @throws what cannot be started; all processes and files of the run are gone then, and after it */
export async function runChaos(options: RunOptions): Promise<Report> {
  const errors: string[] = []
  const { seed, workers, apis, deliverWithinSeconds, without, logs } = options
  if (logs) await mkdir(logs, { recursive: true })
  const startedAt = performance.now()
  const say = (line: string) =>
    options.say(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)
  const onFault = (fault: string) => {
    errors.push(fault)
    say(`ERROR ${fault}`)
  }
  const system = await startSystem({
    seed,
    workers,
    apis,
    deliverWithinSeconds,
    withReplica: areWithReplica(options.plan),
    without,
    ...(logs && { logs }),
    onFault,
  })
  try {
    return await withSystem(system)
  } finally {
    await system.close()
  }

  async function withSystem({ simulator, ...system }: System): Promise<Report> {
    const urls = system.apis.map(({ fromClient }) => `http://127.0.0.1:${fromClient.port}`)
    const client = createClient({ urls, apiKey: system.apiKey })
    const load = createLoad({
      client,
      seed,
      ratePerSecond: options.ratePerSecond,
      setPhone: (to, profile) => simulator.recipients.set(to, { profile }),
    })
    const meta = createMetaRecord(simulator)
    const fallback = createFallbackRecord(system.workers.map(({ fallbackLog }) => fallbackLog))
    const resources = createResources()
    const records = (): Records => ({
      accepted: load.accepted(),
      refused: load.refused(),
      taken: meta.taken(),
      fallback: fallback.records(),
    })
    const drain = async () => {
      meta.drain()
      await fallback.drain()
    }
    const tell = () => {
      const { accepted } = records()
      say(`started ${load.started()}, accepted ${accepted.length}, not ended ${unsettled(records()).length}`)
    }
    const pids = async () => ({
      ...Object.fromEntries([...system.workers, ...system.apis].map(({ app }) => [app.name, app.pid()])),
      ...(await system.redis.pids()),
      harness: process.pid,
    })
    const stopWatching = [
      every(DRAIN_EVERY_MS, drain, onFault),
      every(SAMPLE_EVERY_MS, async () => resources.sample(await pids()), onFault),
      every(TELL_EVERY_MS, async () => tell(), onFault),
    ]
    const loadAt = performance.now()
    const stopping = options.stopping ?? new AbortController().signal
    say(`load begins: ${options.ratePerSecond} messages/s`)
    const [, faults] = await Promise.all([
      load.run(options.loadMs, stopping),
      carryOut({ ...system, simulator }, options.plan, { say, onFault, stopping }),
    ])
    simulator.clearFaults()
    tell()
    say('load and faults are over; waiting for every message to end')
    const settlingAt = performance.now()
    const patienceMs = deliverWithinSeconds * 1000 + (options.settleMarginMs ?? SETTLE_MARGIN_MS)
    await settle({ records, drain, client, patienceMs })
    const endedAt = performance.now()
    tell()
    for (const stop of stopWatching) await stop()
    await drain()
    const told = await ask(client, questions(records()))
    const { unexpected } = client.counts()
    for (const [what, times] of Object.entries(unexpected))
      onFault(`unexpected answer, ${times} times: ${what}`)
    if (fallback.unreadable() > 0)
      onFault(`${fallback.unreadable()} lines of the fallback files are no record`)
    return {
      seed,
      seconds: {
        load: Math.round((settlingAt - loadAt) / 1000),
        settling: Math.round((endedAt - settlingAt) / 1000),
      },
      ratePerSecond: options.ratePerSecond,
      workers,
      apis,
      deliverWithinSeconds,
      without,
      faults,
      started: load.started(),
      audit: audit(records(), told),
      requests: client.counts(),
      growth: resources.growth(),
      errors,
    }
  }
}

/** Whether the promise was kept. */
export function isKept({ audit: found, errors }: Report): boolean {
  const broken = [
    found.lost,
    found.duplicates.unexplained,
    found.canceledAndTaken,
    found.wrongContent,
    errors,
  ]
  return broken.every(({ length }) => length === 0) && found.unknown.taken + found.unknown.fallback === 0
}

/** Begins each fault at its time, and resolves when the last has ended. Answers how many of each kind there were. */
async function carryOut(
  system: System,
  plan: readonly Fault[],
  {
    say,
    onFault,
    stopping,
  }: { say: (line: string) => void; onFault: (fault: string) => void; stopping: AbortSignal },
): Promise<Record<string, number>> {
  const done: Record<string, number> = {}
  setMaxListeners(0, stopping) // every fault that waits for its time listens
  const startedAt = performance.now()
  await Promise.all(
    plan.map(async (fault) => {
      await sleep(Math.max(0, startedAt + fault.atMs - performance.now()), undefined, {
        signal: stopping,
      }).catch(() => undefined)
      if (stopping.aborted) return
      const name = `${fault.kind}: ${victimName(fault)}, ${fault.lengthMs} ms`
      say(name)
      try {
        if (await strike(system, fault)) done[fault.kind] = (done[fault.kind] ?? 0) + 1
        else say(`not carried out: ${name}`)
      } catch (error) {
        onFault(`${name}: ${(error as Error).message}`)
      }
    }),
  )
  return Object.fromEntries(Object.entries(done).sort(([a], [b]) => a.localeCompare(b)))
}

/** Does something again and again, never twice at once. The answer ends it, and resolves when what is under way is done. */
function every(ms: number, work: () => Promise<void>, onFault: (fault: string) => void): () => Promise<void> {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: Error) => onFault(error.message))
      .finally(() => (running = undefined))
  }, ms)
  return async () => {
    clearInterval(timer)
    await running
  }
}
