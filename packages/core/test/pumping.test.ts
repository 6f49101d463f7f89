import { describe, expect, it } from 'vitest'
import { limitsFixture } from './limits-fixture.ts'

const HOUR_MS = 3_600_000
const SENEGAL = '+221'

/** Numbers of one block, each another. */
const block = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => prefix + String(i).padStart(4, '0'))

/** Dice of the test's own: the same throws each time. */
function dice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * sides)
  }
}

/** So many numbers of Senegal, over all that its mobile numbers begin with. */
function anywhere(count: number, throws = dice(7)): string[] {
  const heads = ['70', '75', '76', '77', '78']
  return Array.from(
    { length: count },
    () => SENEGAL + heads[throws(5)] + String(throws(10_000_000)).padStart(7, '0'),
  )
}

/** How many codes a record holds as sent. */
const sentOf = (record: string | null) => Number(record?.split(' ')[0] ?? 0)

/** Not in the block that is attacked: what happens there happens to all. */
const isElsewhere = (to: string) => !to.startsWith('+22177123')

function setup(guard: 'stop' | 'warn' | 'off' = 'stop') {
  const fixture = limitsFixture({ guard })
  const { ask, askAll, guard: hears } = fixture
  return {
    ...fixture,
    hears,
    /** Asks for codes in batches, and answers how many were let in. */
    async flood(numbers: string[], app = 'wallet'): Promise<number> {
      let sent = 0
      for (let from = 0; from < numbers.length; from += 200) {
        const refusals = await askAll(numbers.slice(from, from + 200), { app })
        sent += refusals.filter((refusal) => refusal === undefined).length
      }
      return sent
    },
    /** People: each asks for a code, and six of ten use it, when three others have asked. Answers how many were refused. */
    async people(numbers: string[], throws: (sides: number) => number, app = 'wallet'): Promise<number> {
      let refused = 0
      const typing: string[] = []
      for (const to of numbers) {
        if (await ask(to, { app })) refused += 1
        else if (throws(10) < 6) typing.push(to)
        const [first] = typing
        if (typing.length > 3 && first) {
          typing.shift()
          await hears.used({ app, to: first, type: 'otp' })
        }
      }
      for (const to of typing) await hears.used({ app, to, type: 'otp' })
      return refused
    },
  }
}

describe('ten thousand numbers of one prefix, and nobody uses a code', () => {
  it('within an hour are stopped before three hundred, and an evening of people nearby is not harmed', async () => {
    const { accustom, flood, people, news, age } = setup()
    await accustom()
    const throws = dice(1)
    const attack = block('+22177123', 10_000)
    // A third all over the country, a third near the attack, a third in one block.
    const near = ['', '+221771', '+22177145']
    const placed = (to: string, head: string) => head + to.slice(head.length)
    const evening = anywhere(600, dice(3)).map((to, i) => placed(to, near[i % 3] ?? ''))
    let sent = 0
    for (let turn = 0; turn < 50; turn += 1) {
      if (turn % 5 === 4) await age(360_000)
      sent += await flood(attack.slice(turn * 200, turn * 200 + 200))
      expect(await people(evening.slice(turn * 12, turn * 12 + 12).filter(isElsewhere), throws)).toBe(0)
    }
    expect(sent).toBeGreaterThan(0)
    expect(sent).toBeLessThan(300)
    expect(news.filter(({ kind }) => kind !== 'suspicious')).toEqual([
      { kind: 'stopped', prefix: '+22177123', sent: expect.any(Number), used: 0 },
    ])
    expect(news.filter((one) => 'prefix' in one && one.prefix === '+22177123')).toHaveLength(2)
  })

  it('at two doors at once are stopped at the same number', async () => {
    const { accustom, newAdmission, askAll } = setup()
    await accustom()
    const doors = [newAdmission(), newAdmission()]
    const refusals = await Promise.all(
      block('+22177123', 2000).map((to, i) => askAll([to], {}, doors[i % 2]).then(([refusal]) => refusal)),
    )
    expect(refusals.filter((refusal) => refusal === undefined)).toHaveLength(150)
    for (const { limit, waitMs } of refusals.filter((refusal) => refusal !== undefined)) {
      expect(limit).toBe('guard')
      expect(waitMs).toBeGreaterThan(0)
      expect(waitMs).toBeLessThan(HOUR_MS)
    }
  })

  it('are stopped also when they begin slowly and at the same time as the people of a new app', async () => {
    const { flood, people, hears, watch } = setup()
    await hears.used({ app: 'wallet', to: '+221775550000', type: 'otp' })
    await watch.look()
    const [throws, attack] = [dice(5), block('+22177123', 10_000)]
    let sent = 0
    for (let turn = 0; turn < 50; turn += 1) {
      expect(await people(anywhere(12, throws).filter(isElsewhere), throws)).toBe(0)
      sent += await flood(attack.slice(turn * 200, turn * 200 + (turn < 14 ? 10 : 200)))
    }
    expect(sent).toBeLessThan(300)
  })
})

describe('a flood on each day, against an app with few people', () => {
  it('is stopped on each of them', async () => {
    const { accustom, flood, people, age } = setup()
    await accustom()
    const throws = dice(8)
    for (let day = 10; day < 25; day += 1) {
      await age(24 * HOUR_MS)
      expect(await flood(block(`+221771${day}`, 1000))).toBe(150)
      const numbers = anywhere(20, throws).map((to) => `+225070${to.slice(-7)}`)
      expect(await people(numbers, throws)).toBe(0)
    }
  })
})

describe('ten thousand numbers all over a country', () => {
  it('within an hour are stopped before three hundred, and people of a block with a record of its own are not harmed', async () => {
    const { accustom, flood, people, age } = setup()
    await accustom()
    const throws = dice(2)
    expect(await people(block('+22177555', 60), throws)).toBe(0)
    const attack = anywhere(10_000)
    let sent = 0
    for (let turn = 0; turn < 50; turn += 1) {
      if (turn % 5 === 4) await age(360_000)
      sent += await flood(attack.slice(turn * 200, turn * 200 + 200))
      expect(await people(block(`+22177555`, 12), throws)).toBe(0)
    }
    expect(sent).toBeLessThan(300)
  })
})

describe('a prefix that was stopped', () => {
  async function stopped() {
    const fixture = setup()
    await fixture.accustom()
    await fixture.flood(block('+22177123', 500))
    expect(await fixture.ask('+221771239999')).toMatchObject({ limit: 'guard' })
    return fixture
  }

  it('lets a code through now and then while the flood goes on, and is told of once', async () => {
    const { age, flood, news } = await stopped()
    for (let i = 0; i < 6; i += 1) {
      await age(600_000)
      const sent = await flood(block('+22177123', 300))
      expect(sent).toBeGreaterThan(0)
      expect(sent).toBeLessThan(10)
    }
    const ofBlock = news.filter((one) => 'prefix' in one && one.prefix === '+22177123')
    expect(ofBlock.map(({ kind }) => kind)).toEqual(['suspicious', 'stopped'])
  })

  it('comes back when the flood has passed', async () => {
    const { age, ask, news, rulings } = await stopped()
    expect((await rulings.list()).stops).toMatchObject([{ app: 'wallet', prefix: '+22177123' }])
    await age(HOUR_MS)
    expect(await ask('+221771239999')).toBeUndefined()
    expect(news.at(-1)).toMatchObject({ kind: 'resumed', prefix: '+22177123' })
    expect((await rulings.list()).stops).toEqual([])
  })

  it('comes back sooner when the codes that it lets through are used', async () => {
    const { age, ask, hears, news } = await stopped()
    let sent = 0
    for (let i = 0; i < 60; i += 1) {
      await age(60_000)
      const to = `+2217712390${String(i).padStart(2, '0')}`
      if (await ask(to)) continue
      sent += 1
      await hears.used({ app: 'wallet', to, type: 'otp' })
    }
    expect(sent).toBeGreaterThan(50)
    expect(news.filter(({ kind }) => kind === 'resumed')).toMatchObject([{ prefix: '+22177123' }])
  })

  it('is stopped for this app alone', async () => {
    const { accustom, ask } = await stopped()
    await accustom('shop')
    expect(await ask('+221771239999', { app: 'shop' })).toBeUndefined()
    expect(await ask('+221771239999', { isCode: false })).toBeUndefined()
    expect(await ask('+221771239999', { isTest: true })).toBeUndefined()
  })

  it('is allowed when an operator says so, and what is sent then is not held against it', async () => {
    const { rulings, watch, flood, keys, redis } = await stopped()
    const name = keys.guard('wallet', '+22177123')
    const before = await redis.get(name)
    const what = { app: 'wallet', prefix: '+22177', by: 'awa', why: 'a campaign' }
    await rulings.rule({ ...what, ruling: 'allow', forMs: 60_000 })
    await watch.look()
    expect(await flood(block('+22177123', 500))).toBe(500)
    expect(await redis.get(name)).toBe(before)
  })

  it('begins anew when an operator clears it', async () => {
    const { rulings, flood } = await stopped()
    await rulings.clear({ app: 'wallet', prefix: '+22177123', by: 'awa' })
    expect((await rulings.list()).stops).toEqual([])
    expect(await flood(block('+22177123', 500))).toBe(150)
  })
})

describe('an app that is not judged', () => {
  it.each([
    ['never tells of used codes', 0],
    ['tells of few of what it sends everywhere', 0.05],
    ['tells of some', 0.15],
  ])('%s: thousands of codes to one prefix are let in', async (_what, part) => {
    const { ask, hears, watch, news } = setup()
    if (part > 0) await hears.used({ app: 'wallet', to: '+221771230000', type: 'otp' })
    await watch.look()
    const throws = dice(4)
    for (const to of block('+22177123', 2000)) {
      expect(await ask(to)).toBeUndefined()
      if (throws(1000) < part * 1000) await hears.used({ app: 'wallet', to, type: 'otp' })
    }
    expect(news).toEqual([])
  })

  it('tells of few, and has many countries: thousands of codes are let in', async () => {
    const { ask, hears, watch } = setup()
    await hears.used({ app: 'wallet', to: '+221771230000', type: 'otp' })
    await watch.look()
    const throws = dice(6)
    const heads = ['+22177', '+225070', '+22376', '+22670', '+22890']
    for (const [i, to] of anywhere(3000, throws).entries()) {
      const head = heads[i % heads.length] ?? ''
      const number = head + to.slice(6, 13)
      expect(await ask(number)).toBeUndefined()
      if (throws(10) === 0) await hears.used({ app: 'wallet', to: number, type: 'otp' })
    }
  })

  it('told of none for more than a week', async () => {
    const { accustom, redis, keys, flood, watch } = setup()
    await accustom()
    const record = JSON.parse((await redis.hget(keys.guardApps(), 'wallet')) ?? '') as object
    const usedAt = Date.now() - 8 * 24 * HOUR_MS
    await redis.hset(keys.guardApps(), 'wallet', JSON.stringify({ ...record, usedAt }))
    await watch.look()
    expect(await flood(block('+22177123', 500))).toBe(500)
  })

  it('is any, when the guard is off', async () => {
    const { accustom, flood, news } = setup('off')
    await accustom()
    expect(await flood(block('+22177123', 500))).toBe(500)
    expect(news).toEqual([])
  })

  it('is told of and not stopped, when the guard is to warn', async () => {
    const { accustom, flood, news, redis, keys } = setup('warn')
    await accustom()
    expect(await flood(block('+22177123', 400))).toBe(400)
    // What is held against it has a limit, so a stop that begins now does not last for days.
    const held = sentOf(await redis.get(keys.guard('wallet', '+22177123')))
    expect(held).toBeGreaterThan(200)
    expect(held).toBeLessThanOrEqual(300)
    expect(news).toMatchObject([{ kind: 'suspicious', prefix: '+22177123' }])
  })
})

describe('what the guard hears afterwards', () => {
  const message = { app: 'wallet', to: '+221771239999', type: 'otp' }

  it('"I did not request this code" weighs as much as five', async () => {
    const { accustom, hears, flood } = setup()
    await accustom()
    for (let i = 0; i < 20; i += 1) await hears.notRequested(message)
    expect(await flood(block('+22177123', 300))).toBe(50)
  })

  it('a code that was never sent is not held against its numbers', async () => {
    const { accustom, hears, flood, redis, keys } = setup()
    await accustom()
    await flood(block('+22177123', 100))
    for (const to of block('+22177123', 100)) await hears.notSent({ ...message, to })
    expect(sentOf(await redis.get(keys.guard('wallet', '+22177123')))).toBeCloseTo(0, 1)
    expect(await flood(block('+22177123', 300))).toBe(150)
  })

  it('used codes that it has not counted as sent pay for nothing', async () => {
    const { accustom, hears, flood } = setup()
    for (const to of block('+22177123', 200)) await hears.used({ ...message, to })
    await accustom()
    expect(await flood(block('+22177123', 500))).toBe(150)
  })

  it('of other messages than codes, and of apps that tell of no use, it keeps nothing', async () => {
    const { hears, allKeys } = setup()
    await hears.used({ ...message, type: 'text' })
    await hears.notSent(message)
    await hears.notRequested(message)
    expect(await allKeys()).toEqual([])
  })

  it('many failures in a block are told once', async () => {
    const { hears } = setup()
    const told: (string | undefined)[] = []
    for (let i = 0; i < 450; i += 1) told.push(await hears.failed(message))
    expect(told.filter(Boolean)).toEqual(['+22177123'])
    expect(told.findIndex(Boolean)).toBeGreaterThanOrEqual(199)
  })

  it('all that it keeps expires, and no whole number is in it', async () => {
    const { accustom, flood, hears, allKeys, redis } = setup()
    await accustom()
    await flood(block('+22177123', 300))
    await hears.failed(message)
    const names = await allKeys()
    for (const name of names) expect(await redis.pttl(name)).toBeGreaterThan(0)
    const values = await Promise.all(names.map((name) => redis.get(name).catch(() => redis.hgetall(name))))
    expect(JSON.stringify([names, values])).not.toMatch(/\+\d{11,}/)
  })
})
