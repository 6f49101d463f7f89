/** What a process does with an error that nobody caught. */
import { eventually, freePort, startNode, type NodeProcess } from '@relais/testing'
import { describe, it } from 'vitest'
import { isUp, sendsOf, startSystem } from './system.ts'

const SECRET = 'canary-482913-EAAx'

/** Its last words: where they came from, and what it was. */
function lastWords(app: NodeProcess) {
  return app.jsonLines().filter(({ event }) => event === 'process.failed')
}

const line = (cause: string) => ({
  level: 60,
  cause,
  err: { type: 'Error', message: 'a slip' },
})

describe.concurrent('an error that nobody caught', { timeout: 90_000 }, () => {
  it.for(['api', 'worker'] as const)(
    'as a rejection has the %s finish what it has in hand, and end with 1',
    async (name, t) => {
      const { expect } = t
      const system = await startSystem(t, { workers: 0 })
      const port = await freePort()
      const app = system.startApp(name, { PORT: String(port) }, { canBeTroubled: true })
      await isUp(app)
      system.simulator.injectFaults([{ kind: 'stall', ms: 1000, accepted: true }])
      const id = await system.send('+221771234567', '482913')
      if (name === 'worker') {
        await eventually(
          () => sendsOf(system.simulator, id),
          ({ length }) => length === 1,
        )
      }
      app.bring({ kind: 'unhandledRejection', secret: SECRET })
      expect(await app.exited).toEqual({ code: 1, signal: null })
      expect(lastWords(app)).toMatchObject([line('unhandledRejection')])
      expect(app.lines().join('\n')).not.toContain(SECRET)
      expect(app.jsonLines().map(({ event }) => event)).toContain(`${name}.stopping`)
      if (name === 'worker') expect((await system.message(id)).status).toMatch(/uncertain|sent|delivered/)
    },
  )

  it.for(['api', 'worker'] as const)('as an exception ends the %s at once, with 1', async (name, t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0 })
    const port = await freePort()
    const app = system.startApp(name, { PORT: String(port) }, { canBeTroubled: true })
    await isUp(app)
    app.bring({ kind: 'uncaughtException', secret: SECRET })
    expect(await app.exited).toEqual({ code: 1, signal: null })
    expect(lastWords(app)).toMatchObject([line('uncaughtException')])
    expect(app.lines().join('\n')).not.toContain(SECRET)
    expect(app.jsonLines().map(({ event }) => event)).not.toContain(`${name}.stopping`)
  })

  it.for(['api', 'worker'])(
    'before the %s has read its settings is told without its fields too',
    async (name, t) => {
      const { expect } = t
      // The first thing that is asked for on the way to the settings throws.
      const fault = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      fs.existsSync = () => {
        const { SECRET } = process.env
        throw Object.assign(new Error('a slip', { cause: new Error(SECRET) }), { args: [SECRET] })
      }
      syncBuiltinESMExports()`
      const preload = `data:text/javascript,${encodeURIComponent(fault)}`
      const app = startNode(`apps/${name}/dist/main.js`, { SECRET }, { nodeArgs: ['--import', preload] })
      t.onTestFinished(() => app.kill())
      expect(await app.exited).toEqual({ code: 1, signal: null })
      expect(lastWords(app)).toMatchObject([{ level: 60, err: { type: 'Error', message: 'a slip' } }])
      expect(app.lines().join('\n')).not.toContain(SECRET)
    },
  )
})
