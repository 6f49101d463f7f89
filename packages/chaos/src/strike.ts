/** Carries a fault out: it begins, lasts, and ends. */
import type { Fault as MetaFault } from '@relais/simulator'
import type { Link } from '@relais/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, LinkName, Treatment, Trouble } from './plan.ts'
import type { ApiPlace, System, WorkerPlace } from './system.ts'

/** Every piece of data on a slow link is late by so much, in each direction. */
const SLOW_MS = 120

/** A link that suffers resets suffers them so often. */
const RESET_EVERY_MS = 500

/** Resolves when the fault has ended; false when it could not be carried out. */
export async function strike(system: System, { kind, victim, lengthMs }: Fault): Promise<boolean> {
  const worker = system.workers[victim] as WorkerPlace
  const api = system.apis[victim] as ApiPlace
  const { redis } = system
  switch (kind) {
    case 'worker killed':
      await worker.app.kill()
      await sleep(lengthMs)
      worker.app.start()
      return true
    case 'worker rolled':
      await worker.app.stop()
      await sleep(lengthMs)
      worker.app.start()
      return true
    case 'worker frozen':
      worker.app.freeze()
      await sleep(lengthMs)
      worker.app.thaw()
      return true
    case 'api killed':
      await api.app.kill()
      system.setUp(api, false)
      await sleep(lengthMs)
      api.app.start()
      system.setUp(api, true)
      return true
    case 'api rolled':
      system.setUp(api, false)
      await api.app.stop()
      await sleep(lengthMs)
      api.app.start()
      system.setUp(api, true)
      return true
    case 'api frozen':
      api.app.freeze()
      system.setUp(api, false)
      await sleep(lengthMs)
      api.app.thaw()
      system.setUp(api, true)
      return true
    case 'redis frozen':
      await redis.freezeFor(lengthMs)
      return true
    case 'redis killed':
      await redis.killFor(lengthMs)
      return true
    case 'redis failover':
      return redis.failOver(lengthMs)
    case 'meta error':
    case 'meta html':
    case 'meta throttled':
    case 'meta reset before':
    case 'meta reset after':
    case 'meta stalled':
    case 'meta half answer': {
      const faults = META_FAULTS[kind.slice('meta '.length) as Trouble]
      system.simulator.injectFaults(faults.map((each) => ({ ...each, forSeconds: lengthMs / 1000 })))
      await sleep(lengthMs)
      return true
    }
    default: {
      const [link, treatment] = kind.split(' ') as [LinkName, Treatment]
      await treat(linkOf(system, link, victim), treatment, lengthMs)
      return true
    }
  }
}

/** All that a fault of Meta's does to the sends of that time, each with its share. */
const META_FAULTS: Record<Trouble, MetaFault[]> = {
  error: [
    { kind: 'error', code: 131000, probability: 0.6 },
    { kind: 'error', code: 131016, probability: 0.3 },
  ],
  html: [{ kind: 'html', statusCode: 502, probability: 0.7 }],
  throttled: [{ kind: 'error', code: 130429, probability: 0.3 }],
  'reset before': [{ kind: 'reset', accepted: false, probability: 0.5 }],
  'reset after': [{ kind: 'reset', accepted: true, probability: 0.5 }],
  stalled: [
    { kind: 'stall', ms: 30_000, accepted: true, probability: 0.3 },
    { kind: 'stall', ms: 30_000, accepted: false, probability: 0.3 },
  ],
  'half answer': [{ kind: 'garbage', probability: 0.5 }],
}

function linkOf(system: System, name: LinkName, victim: number): Link {
  const worker = system.workers[victim] as WorkerPlace
  const api = system.apis[victim] as ApiPlace
  switch (name) {
    case 'worker-redis':
      return worker.toRedis
    case 'worker-meta':
      return worker.toMeta
    case 'api-redis':
      return api.toRedis
    case 'client-api':
      return api.fromClient
    case 'meta-api':
      return system.toApis
    case 'primary-replica':
      return system.redis.toReplica
  }
}

async function treat(link: Link, treatment: Treatment, lengthMs: number): Promise<void> {
  switch (treatment) {
    case 'slow':
      link.delay(SLOW_MS)
      break
    case 'silent':
      link.silence()
      break
    case 'cut':
      link.cut()
      break
    case 'reset':
      for (let left = lengthMs; left > RESET_EVERY_MS; left -= RESET_EVERY_MS) {
        link.reset()
        await sleep(RESET_EVERY_MS)
      }
      return link.reset()
  }
  await sleep(lengthMs)
  link.restore()
}
