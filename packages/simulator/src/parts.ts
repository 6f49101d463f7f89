import type { FastifyInstance } from 'fastify'
import { createAccessTokens } from './world/access-tokens.ts'
import { createBusinessObjects } from './graph/business-objects.ts'
import { createCallLog } from './graph/call-log.ts'
import { createCallerCheck } from './graph/caller-check.ts'
import { createFaults } from './graph/faults.ts'
import { createGraphServer } from './graph/server.ts'
import { createPairLimit, createThroughputLimit } from './world/limits.ts'
import { createMessageLog } from './world/message-log.ts'
import { createOAuth } from './graph/oauth.ts'
import type { settle } from './options.ts'
import { createPhones } from './page/phones.ts'
import { createRandom } from './world/random.ts'
import { createReceipts } from './webhooks/receipts.ts'
import { createSendMessage } from './graph/send-message.ts'
import { createTemplates } from './world/templates.ts'
import { createClock } from './world/clock.ts'
import { createTimers } from './world/timing.ts'
import { createWebhookPost } from './webhooks/post.ts'
import { createWebhookSender, WEBHOOK_CONCURRENCY } from './webhooks/sender.ts'

type Settings = ReturnType<typeof settle>

/** What several parts look at. */
function createMemory(settings: Settings) {
  const { appId, appSecret, accessToken, tokenLifeSeconds, verifiedName } = settings
  const clock = createClock(settings.clock)
  const { now } = clock
  const messages = createMessageLog()
  return {
    clock,
    random: createRandom(settings.seed),
    messages,
    calls: createCallLog(),
    faults: createFaults(),
    phones: createPhones({ messages, business: verifiedName }),
    templates: createTemplates(settings.templates),
    throughput: createThroughputLimit({ perSecond: settings.throughputPerSecond, now }),
    pairs: createPairLimit({ isOn: settings.pairLimit, now }),
    tokens: createAccessTokens({
      appId,
      appSecret,
      firstToken: accessToken,
      lifeSeconds: tokenLifeSeconds,
      now,
    }),
    answerTimers: createTimers(),
  }
}

type Memory = ReturnType<typeof createMemory>

/** Everything of a simulator, wired and not yet listening. */
export function createParts(settings: Settings) {
  const memory = createMemory(settings)
  const { webhooks, transport, follow } = createOutgoing(settings, memory)
  const graph = createGraph(settings, memory, follow)

  async function close(servers: readonly FastifyInstance[]): Promise<void> {
    memory.clock.clear()
    memory.answerTimers.clear()
    transport.close()
    await Promise.all(servers.map((server) => server.close()))
  }

  function reset(): void {
    memory.clock.clear()
    webhooks.reset()
    for (const part of [memory.messages, memory.calls, memory.faults, memory.phones]) part.clear()
    for (const part of [memory.throughput, memory.pairs, memory.tokens]) part.reset()
  }

  return { ...memory, graph, webhooks, close, reset }
}

export type Parts = ReturnType<typeof createParts>

function createOutgoing(settings: Settings, memory: Memory) {
  const { clock, random, messages } = memory
  const transport = createWebhookPost({ concurrency: WEBHOOK_CONCURRENCY })
  const webhooks = createWebhookSender({
    url: settings.webhookUrl,
    appSecret: settings.appSecret,
    origin: {
      businessId: settings.businessId,
      phoneNumberId: settings.phoneNumberId,
      displayPhoneNumber: settings.displayPhoneNumber,
      echoOnFailed: settings.echoCallbackDataOnFailed,
    },
    disorder: {
      duplicateProbability: settings.duplicateProbability,
      swapProbability: settings.swapProbability,
      batchSize: settings.webhookBatchSize,
    },
    random,
    clock,
    transport,
  })
  const follow = createReceipts({
    timing: settings.timing,
    random,
    clock,
    messages,
    notify: (message, change) => webhooks.notify({ message, change }),
  })
  return { webhooks, transport, follow }
}

function createGraph(
  settings: Settings,
  memory: Memory,
  follow: ReturnType<typeof createReceipts>,
): FastifyInstance {
  const { now } = memory.clock
  const caller = createCallerCheck({ ...settings, now, tokens: memory.tokens })
  const senderDigits = settings.displayPhoneNumber.replace(/\D/g, '')
  return createGraphServer({
    sendMessage: createSendMessage({
      ...memory,
      phoneNumberId: settings.phoneNumberId,
      senderDigits,
      caller,
      follow,
      now,
    }),
    oauth: createOAuth({
      ...settings,
      now,
      tokens: memory.tokens,
      caller,
      lifeSeconds: settings.tokenLifeSeconds,
    }),
    objects: createBusinessObjects({ ...settings, templates: memory.templates, caller }),
    faults: memory.faults,
    calls: memory.calls,
    timers: memory.answerTimers,
    answerDelay: settings.timing.answer,
    random: memory.random,
    businessId: settings.businessId,
    now,
  })
}
