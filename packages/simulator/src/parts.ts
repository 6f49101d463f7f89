import { createAccessTokens } from './world/access-tokens.ts'
import { createAppSecret } from './world/app-secret.ts'
import { createAccount } from './world/account.ts'
import { accountAtStart } from './world/account-state.ts'
import { createCallLog } from './graph/call-log.ts'
import { createFaults } from './graph/faults.ts'
import { createGraph } from './graph-parts.ts'
import { createPairLimit, createThroughputLimit } from './world/limits.ts'
import { createMessageLog } from './world/message-log.ts'
import type { settle } from './options.ts'
import { createAnswers } from './page/answers.ts'
import { createPanel } from './page/panel.ts'
import { createPhones } from './page/phones.ts'
import { createRandom } from './world/random.ts'
import { createRecipients } from './world/recipients.ts'
import { createServiceWindows } from './world/service-windows.ts'
import { createReceipts } from './webhooks/receipts.ts'
import { createTemplates, ttlSecondsOf } from './world/templates.ts'
import { createClock } from './world/clock.ts'
import { createTimers } from './world/timing.ts'
import { createInbound } from './webhooks/inbound.ts'
import type { WebhookOrigin } from './webhooks/payload.ts'
import { createWebhookPost } from './webhooks/post.ts'
import { createWebhookSender } from './webhooks/sender.ts'

type Settings = ReturnType<typeof settle>

/** Without a template there is nothing to say how long a message may wait: 30 days. */
const FREE_TEXT_TTL_SECONDS = 2_592_000

/** A receiver that is slow to take an early `sent` holds the answer of the send no longer. */
const LONGEST_HOLD_MS = 1000

/** The people and the way to the client: what everything else tells about. */
function createSurroundings(settings: Settings) {
  const clock = createClock(settings.clock)
  const appSecret = createAppSecret(settings.appSecret)
  const random = createRandom(settings.seed)
  const windows = createServiceWindows({ clock, startOpen: settings.windowsStartOpen })
  const origin: WebhookOrigin = {
    businessId: settings.businessId,
    displayPhoneNumberOf: (id) => account.number(id)?.displayPhoneNumber ?? '',
    echoOnFailed: settings.echoCallbackDataOnFailed,
    isInWindow: windows.wasOpened,
  }
  const webhooks = createWebhookSender({
    url: settings.webhookUrl,
    verifyToken: settings.webhookVerifyToken,
    appSecret,
    origin,
    phoneNumberId: settings.phoneNumberId,
    habits: settings.webhookHabits,
    concurrency: settings.webhookConcurrency,
    random,
    clock,
    transport: createWebhookPost({
      concurrency: settings.webhookConcurrency,
      timeoutMs: settings.webhookTimeoutMs,
    }),
  })
  const account = createAccount({
    businessId: settings.businessId,
    initial: accountAtStart(settings),
    clock,
    announce: webhooks.announce,
  })
  const recipients = createRecipients({ clock, expiresWith: settings.expiresWith })
  return {
    appSecret,
    clock,
    random,
    windows,
    origin,
    webhooks,
    account,
    recipients,
    messages: createMessageLog(),
  }
}

/** What several parts look at. */
function createMemory(settings: Settings) {
  const { accessToken, tokenLifeSeconds } = settings
  const surroundings = createSurroundings(settings)
  const { appSecret, clock, random, account, webhooks } = surroundings
  const { now } = clock
  return {
    ...surroundings,
    calls: createCallLog(),
    faults: createFaults({ now, random }),
    templates: createTemplates({
      simulated: settings.templates,
      clock,
      announce: webhooks.announce,
      reviewMs: () => account.read().business.templateReviewSeconds * 1000,
    }),
    throughput: createThroughputLimit({ now }),
    pairs: createPairLimit({ mode: () => account.read().limits.pair, now }),
    tokens: createAccessTokens({
      ...settings,
      appSecret,
      firstToken: accessToken,
      lifeSeconds: tokenLifeSeconds,
      now,
    }),
    answerTimers: createTimers(),
  }
}

export type Memory = ReturnType<typeof createMemory>

/** Everything of a simulator, wired and not yet listening. */
export function createParts(settings: Settings) {
  const memory = createMemory(settings)
  const { receipts, inbound } = createPeople(settings, memory)
  const graph = createGraph(settings, memory, receipts.follow)

  /** Nothing more happens of itself. */
  function close(): void {
    memory.clock.clear()
    memory.answerTimers.clear()
    memory.webhooks.close()
  }

  function reset(): void {
    memory.clock.clear()
    for (const part of [memory.messages, memory.calls, memory.faults, inbound]) part.clear()
    for (const part of [receipts, memory.recipients, memory.windows]) part.clear()
    memory.webhooks.reset()
    for (const part of [memory.appSecret, memory.account, memory.templates, memory.tokens, graph])
      part.reset()
    for (const part of [memory.throughput, memory.pairs]) part.reset()
  }

  return { ...memory, ...createShown(memory, inbound), graph, inbound, close, reset }
}

export type Parts = ReturnType<typeof createParts>

/** What people do: they get messages, and write some. */
function createPeople(settings: Settings, memory: Memory) {
  const { templates, webhooks, windows } = memory
  const receipts = createReceipts({
    ...memory,
    timing: settings.timing,
    ttlSecondsOf(message) {
      const { name = '', language = '' } = message.template ?? {}
      const template = templates.find(name, language)
      return template === undefined ? FREE_TEXT_TTL_SECONDS : ttlSecondsOf(template)
    },
    isWindowOpen: windows.isOpen,
    earlyProbability: () => (webhooks.endpoint.isListening() ? webhooks.habits().earlyProbability : 0),
    longestHold: () => memory.answerTimers.wait(LONGEST_HOLD_MS),
    notify: webhooks.notify,
  })
  const inbound = createInbound({
    ...memory,
    phoneNumberId: settings.phoneNumberId,
    version: () => webhooks.habits().version,
    notify: webhooks.notify,
  })
  return { receipts, inbound: createAnswers({ inbound, now: memory.clock.now }) }
}

/** What the phones page looks at. */
function createShown(memory: Memory, inbound: ReturnType<typeof createAnswers>) {
  const { account } = memory
  const phones = createPhones({
    ...memory,
    answers: inbound,
    businessOf: (phoneNumberId) => account.number(phoneNumberId)?.verifiedName ?? '',
  })
  return { phones, panel: createPanel(memory) }
}
