import type { FastifyInstance } from 'fastify'
import type { Simulator } from '../simulator.ts'

/** `POST /clock`: jump ahead, run at another pace, or both; 0 stands still. */
const clockBody = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    advanceSeconds: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
    speed: { type: 'number', minimum: 0, maximum: 1_000_000 },
  },
}

type ClockBody = { advanceSeconds?: number; speed?: number }

/** The simulated time. */
export function addClock(app: FastifyInstance, { clock }: Pick<Simulator, 'clock'>): void {
  const read = () => ({ now: clock.now(), speed: clock.speed() })
  app.get('/clock', read)
  app.post<{ Body: ClockBody }>('/clock', { schema: { body: clockBody } }, ({ body }) => {
    if (body.speed !== undefined) clock.setSpeed(body.speed)
    if (body.advanceSeconds !== undefined) clock.advance(body.advanceSeconds * 1000)
    return read()
  })
}
