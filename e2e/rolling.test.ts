/** Every process is replaced, one after the other, while messages come in. */
import { eventually, freePort, type NodeProcess } from '@relais/testing'
import { describe, it } from 'vitest'
import { startClients } from './clients.ts'
import { isUp, sendsOf, startSystem, takenBy } from './system.ts'

/** The long look: RELAIS_ROLLING_RATE=50 sends so many a second, and replaces everything three times. */
const LONG_LOOK = Number(process.env['RELAIS_ROLLING_RATE'] ?? 0)
const RATE = LONG_LOOK || 20
const ROUNDS = LONG_LOOK > 0 ? 3 : 1

describe('a rolling restart', { timeout: LONG_LOOK > 0 ? 600_000 : 180_000 }, () => {
  it('loses nothing, sends nothing twice, and fails no request that a client cannot repeat', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 2 })
    const ports = [new URL(system.apiUrl).port, String(await freePort())]
    const second = system.startApp('api', { PORT: ports[1] ?? '' })
    await isUp(second)
    const load = startClients(t, {
      ports: ports.map(Number),
      ratePerSecond: RATE,
      apiKey: () => system.secrets.apiKey,
    })
    const apis = [system.api, second]
    const workers = [...system.workers]
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const [i, port] of ports.entries()) {
        await replace(apis, i, () => system.startApp('api', { PORT: port }))
        await replace(workers, i, () => system.startApp('worker'))
      }
    }
    const { accepted, refusals, others } = await load.stop()

    async function replace(pool: NodeProcess[], i: number, start: () => NodeProcess): Promise<void> {
      expect(await pool[i]?.stop()).toBe(0)
      const fresh = start()
      pool[i] = fresh
      await isUp(fresh)
      // The next is not asked before this one has carried something.
      const before = load.accepted()
      await eventually(load.accepted, (count) => count >= before + RATE, { timeoutMs: 30_000 })
    }

    expect(others).toEqual([])
    expect(new Set(accepted).size).toBe(accepted.length)
    for (const id of accepted) {
      const { attempts, timeline } = await system.reaches(id, ['delivered', 'fallback'], 60_000)
      expect(attempts).toBe(1)
      expect(timeline.map(({ status }) => status)).not.toContain('uncertain')
      expect(sendsOf(system.simulator, id)).toHaveLength(1)
      expect(takenBy(system.simulator, id)).toHaveLength(1)
    }
    // Nobody was told "no", and has a message all the same.
    expect(system.simulator.messages()).toHaveLength(accepted.length)
    expect(system.events('message.possible_duplicate')).toEqual([])
    if (LONG_LOOK > 0) {
      const facts = { rate: RATE, restarts: ROUNDS * 4, accepted: accepted.length, repeated: count(refusals) }
      process.stdout.write(`rolling restart: ${JSON.stringify(facts)}\n`)
    }
  })
})

function count(values: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
