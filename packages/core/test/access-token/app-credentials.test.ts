import { createAppCredentials, Secret } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { DAY } from './fixture.ts'

function setup(appSecret: string | undefined) {
  const clock = { now: 1_000_000 }
  const newProcess = (secret = appSecret) =>
    createAppCredentials({
      appId: '138483919580948',
      appSecret: secret === undefined ? undefined : new Secret(secret),
      now: () => clock.now,
    })
  return { clock, newProcess }
}

const texts = (secrets: Secret[]) => secrets.map((secret) => secret.reveal())

describe('the app secret', () => {
  it('is that of the environment, until an operator brings another', () => {
    const app = setup('of the environment').newProcess()
    expect(app.of(undefined)?.appSecret.reveal()).toBe('of the environment')
    const appSecret = app.brought(new Secret('brought'))
    expect(app.of({ appSecret })?.appSecret.reveal()).toBe('brought')
  })

  it('that was brought is in force until the environment names another than at that time', () => {
    const { newProcess } = setup('of the environment')
    const appSecret = newProcess().brought(new Secret('brought'))
    expect(newProcess().inForce({ appSecret })?.reveal()).toBe('brought')
    expect(newProcess('newer').inForce({ appSecret })?.reveal()).toBe('newer')
  })

  it('both count on receipts for a day after a change, and then the old one no more', () => {
    const { newProcess, clock } = setup('of the environment')
    const app = newProcess()
    const appSecret = app.brought(new Secret('brought'))
    expect(texts(app.forReceipts({ appSecret }))).toEqual(['brought', 'of the environment'])
    expect(texts(newProcess('newer').forReceipts({ appSecret }))).toEqual(['newer', 'brought'])
    clock.now += DAY
    expect(texts(app.forReceipts({ appSecret }))).toEqual(['brought'])
  })

  it('without any, nobody can be asked and no receipt counts', () => {
    const app = setup(undefined).newProcess()
    expect(app.of(undefined)).toBeUndefined()
    expect(app.forReceipts(undefined)).toEqual([])
  })
})
