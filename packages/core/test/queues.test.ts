import { countJobs, enqueueMessages, openQueue, type MessageJob } from '@relais/core'
import { uniquePrefix } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

it('messages wait in the order of their priorities, and are counted as waiting', async () => {
  const { redis } = redisFixture()
  const queue = openQueue<MessageJob>('messages', { redis, prefix: uniquePrefix(), onError: () => undefined })
  onTestFinished(() => queue.close())
  await enqueueMessages(queue, [
    { message: { id: 'msg_text' }, priority: 3 },
    { message: { id: 'msg_code' }, priority: 1 },
    { message: { id: 'msg_template' }, priority: 2 },
  ])
  const waiting = await queue.getPrioritized()
  expect(waiting.map(({ id }) => id)).toEqual(['msg_code', 'msg_template', 'msg_text'])
  expect(await countJobs(queue)).toEqual({ waiting: 3, active: 0, delayed: 0, failed: 0 })
})
