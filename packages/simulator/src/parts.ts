import type { FastifyInstance } from 'fastify'
import { createAccessTokens } from './access-tokens.ts'
import { createBusinessObjects } from './business-objects.ts'
import { createCallLog } from './call-log.ts'
import { createCallerCheck } from './caller-check.ts'
import { createFaults } from './faults.ts'
import { createGraphServer } from './graph-server.ts'
import { createPairLimit, createThroughputLimit } from './limits.ts'
import { createMessageLog } from './message-log.ts'
import { createOAuth } from './oauth.ts'
import type { settle } from './options.ts'
import { createPhones } from './phones.ts'
import { createRandom } from './random.ts'
import { createReceipts } from './receipts.ts'
import { createSendMessage } from './send-message.ts'
import { createTemplates } from './templates.ts'
import { createTimers } from './timing.ts'
import { createWebhookPost } from './webhook-post.ts'
import { createWebhookSender, WEBHOOK_CONCURRENCY } from './webhook-sender.ts'

type Settings = ReturnType<typeof settle>

/** What several parts look at. */
function createMemory(settings: Settings) {
  const { appId, appSecret, accessToken, tokenLifeSeconds, verifiedName, now } = settings
  const messages = createMessageLog()
  return {
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
    receiptTimers: createTimers(),
  }
}

type Memory = ReturnType<typeof createMemory>

/** Everything of a simulator, wired and not yet listening. */
export function createParts(settings: Settings) {
  const memory = createMemory(settings)
  const { webhooks, transport, follow } = createOutgoing(settings, memory)
  const graph = createGraph(settings, memory, follow)

  async function close(servers: readonly FastifyInstance[]): Promise<void> {
    memory.receiptTimers.clear()
    memory.answerTimers.clear()
    transport.close()
    await Promise.all(servers.map((server) => server.close()))
  }

  function reset(): void {
    memory.receiptTimers.clear()
    webhooks.reset()
    for (const part of [memory.messages, memory.calls, memory.faults, memory.phones]) part.clear()
    for (const part of [memory.throughput, memory.pairs, memory.tokens]) part.reset()
  }

  return { ...memory, graph, webhooks, close, reset }
}

export type Parts = ReturnType<typeof createParts>

function createOutgoing(settings: Settings, memory: Memory) {
  const { random, messages, receiptTimers: timers } = memory
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
    timers,
    transport,
  })
  const follow = createReceipts({
    timing: settings.timing,
    random,
    timers,
    messages,
    notify: (message, change) => webhooks.notify({ message, change }),
    now: settings.now,
  })
  return { webhooks, transport, follow }
}

function createGraph(
  settings: Settings,
  memory: Memory,
  follow: ReturnType<typeof createReceipts>,
): FastifyInstance {
  const { now } = settings
  const caller = createCallerCheck({ ...settings, tokens: memory.tokens })
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
