/** The route by which operators set the level of the logs. */
import { expect, it } from 'vitest'
import { apiFixture, APP_KEY, OPS_KEY } from './api-fixture.ts'

const { inject, logged } = apiFixture()

const as = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })
const put = (body: unknown, key = OPS_KEY) =>
  inject({ method: 'PUT', url: '/api/admin/log-level', headers: as(key), payload: JSON.stringify(body) })
const get = () => inject({ url: '/api/admin/log-level', headers: as(OPS_KEY) })

it('is set for a while, and told', async () => {
  expect((await get()).json()).toEqual({ level: 'silent', usual: 'silent' })
  const answer = await put({ level: 'warn', minutes: 5 })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({ level: 'warn', usual: 'silent' })
  const until = Date.parse(answer.json<{ until: string }>().until)
  expect(until - Date.now()).toBeGreaterThan(4 * 60_000)
  expect((await get()).json()).toEqual(answer.json())
  expect(logged()).toContain('"action":"logs.level_set","actor":"operator:awa"')
})

it.each([
  { level: 'silent', minutes: 5 },
  { level: 'error', minutes: 5 },
  { level: 'debug', minutes: 0 },
  { level: 'debug', minutes: 1441 },
  { level: 'debug', minutes: 1.5 },
  { level: 'debug' },
  { level: 'debug', minutes: 5, more: 1 },
])('%j is refused', async (body) => {
  const answer = await put(body)
  expect(answer.statusCode).toBe(422)
  expect(answer.json()).toMatchObject({ code: 'invalid_request' })
})

it('is no business of apps', async () => {
  expect((await put({ level: 'debug', minutes: 5 }, APP_KEY)).statusCode).toBe(403)
})
