import { createAppSubscriptions } from './graph/app-subscriptions.ts'
import { createBusinessAccount } from './graph/business-account.ts'
import { createCallerCheck, type CallerCheck } from './graph/caller-check.ts'
import { APP_NAME, createDebugToken } from './graph/debug-token.ts'
import { graphRoutes } from './graph/graph-routes.ts'
import { createIds } from './graph/ids.ts'
import { createManagement } from './graph/management.ts'
import { createOAuth } from './graph/oauth.ts'
import { createPhoneNumbers } from './graph/phone-numbers.ts'
import { createSendMessage } from './graph/send-message.ts'
import { createGraphServer } from './graph/server.ts'
import { createSubscribedApps } from './graph/subscribed-apps.ts'
import { createTemplateNodes } from './graph/template-nodes.ts'
import { createUsage } from './graph/usage.ts'
import { createUsers } from './graph/users.ts'
import type { settle } from './options.ts'
import type { Memory } from './parts.ts'
import type { Receipts } from './webhooks/receipts.ts'
import { createMessagingLimit } from './world/limits.ts'

type Settings = ReturnType<typeof settle>

/** The Graph port, wired and not yet listening. */
export function createGraph(settings: Settings, memory: Memory, follow: Receipts['follow']) {
  const { account, random, recipients, windows, tokens } = memory
  const { now } = memory.clock
  const { appId, businessId } = settings
  const usage = createUsage({ businessId, account, now })
  const people = createMessagingLimit({ tier: () => account.read().business.messagingLimit, now })
  const isProofRequired = () => account.read().app.requireProof
  const caller = createCallerCheck({ tokens, appId, isProofRequired, now })
  const ids = createIds(random.stream('ids'))
  const sendMessage = createSendMessage({
    ...memory,
    caller,
    usage,
    limits: { throughput: memory.throughput, pairs: memory.pairs, people },
    isWindowOpen: (number) => windows.wasOpened(number, now()),
    profileOf: recipients.profileOf,
    follow,
    ids,
    now,
  })
  const management = createManagement({ businessId, caller, usage })
  const objects = createObjects(settings, memory, management)
  const identity = createIdentity(settings, memory, caller)
  const subscribedApps = createSubscribedApps({
    ...memory.webhooks,
    appId,
    appName: APP_NAME,
    management,
  })
  const appSubscriptions = createAppSubscriptions({ ...memory.webhooks, appId, caller })
  const { handle } = createGraphServer({
    ...memory,
    routes: graphRoutes({
      businessId,
      sendMessage,
      subscribedApps,
      appSubscriptions,
      ...objects,
      ...identity,
    }),
    usage,
    ids,
    timers: memory.answerTimers,
    answerDelay: settings.timing.answer,
    draw: random.stream('answers'),
    now,
  })

  return {
    handle,
    reset(): void {
      for (const part of [usage, people, objects.phoneNumbers]) part.reset()
    },
  }
}

function createObjects(settings: Settings, memory: Memory, management: ReturnType<typeof createManagement>) {
  const { account, templates, clock } = memory
  const common = { ids: settings, account, management }
  return {
    readBusiness: createBusinessAccount(common),
    phoneNumbers: createPhoneNumbers({ ...common, now: clock.now }),
    templates: createTemplateNodes({ ...common, templates }),
  }
}

function createIdentity(settings: Settings, { appSecret, tokens, clock }: Memory, caller: CallerCheck) {
  const common = {
    app: { appId: settings.appId, appSecret },
    ids: settings,
    tokens,
    caller,
    lifeSeconds: settings.tokenLifeSeconds,
    now: clock.now,
  }
  return {
    oauth: createOAuth(common),
    debugToken: createDebugToken(common),
    users: createUsers({ ...common, systemUserId: settings.systemUserId }),
  }
}
