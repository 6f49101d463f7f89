/**
 * What happened, one function per event: the log line and the counter together. Callers say what happened, not which counter to
 * touch. No line holds a code, a token or a whole number; the fallback record, which may, has a sink of its own.
 */
import type { StoredToken, TokenState } from './access-token/token-state.ts'
import { alertName, type Mode } from './alerts/alert-states.ts'
import type { Notification } from './alerts/notifications.ts'
import type { AuditRecord } from './audit.ts'
import type { EndpointHealth, WaitingEvent } from './callbacks/callback-event.ts'
import type { ClockChange } from './clock.ts'
import type { Finding } from './diagnosis.ts'
import type { Notice } from './graph/notices.ts'
import type { Limit, LimitNews } from './limits/limits.ts'
import type { Logger } from './logger.ts'
import type { FallbackReason, Message, MessageStatus } from './message.ts'
import type { Metrics, REPAIRS, TemplateState } from './metrics.ts'
import type { Pause } from './pauses.ts'
import { maskPhoneNumber } from './phone-number.ts'
import { whyUnfit, type RedisFacts } from './redis-fitness.ts'
import type { Sampling } from './sampling.ts'
import { fingerprint, type Secret } from './secret.ts'
import type { Tallies } from './tallies.ts'
import type { WaitKind } from './timeline.ts'
import { ACCEPTED_BY_META } from './timeline.ts'
import { traceIdOf, type Traceparent } from './tracing.ts'

/** Anybody can send webhooks that are not signed. */
const REFUSED_SAID_MS = 10_000

type MessageEnd = Extract<MessageStatus, 'delivered' | 'fallback' | 'expired'>

/**
 * What is known of an attempt beside its message. Milliseconds: `durationMs` from the claim to the answer, of which `slotMs` until its slot
 * came and `callMs` for the call to Meta; `noteMs` for noting what came of it.
 */
export type Attempt = {
  outcome: string
  detail: string
  /** What follows: a `Step`'s kind, or `none` when a receipt or another worker was faster. */
  nextStep: string
  durationMs: number
  slotMs?: number | undefined
  callMs?: number | undefined
  noteMs?: number | undefined
  delayMs?: number | undefined
  graphCode?: number | undefined
  fbtraceId?: string | undefined
  tokenVersion?: number | undefined
}

/** A request that was answered. `requestId`: the caller's, or one made here. */
export type AnsweredRequest = {
  requestId: string
  trace?: Traceparent | undefined
  method: string
  route: string | undefined
  statusCode: number
}

/**
 * @param options.tallies counts the same for people; without it nobody looks
 * @param options.sampling leaves out good news at high rates; absent: nothing is left out
 * @param options.now the clock of messages
 */
export function createEvents(options: {
  logger: Logger
  metrics: Metrics
  tallies?: Pick<Tallies, 'add'>
  sampling?: Sampling
  now?: () => number
}) {
  const { logger, metrics, tallies, sampling, now = Date.now } = options
  let refusedWebhooks = 0
  let refusedSaidAt = -Infinity
  let refusedHooks = 0
  let hooksSaidAt = -Infinity
  // Fields that are undefined are not written. To leave them out here would cost more than all the rest of a line.
  const about = (message: Message) => ({
    messageId: message.id,
    app: message.app,
    to: maskPhoneNumber(message.to),
    isTest: message.isTest,
    reference: message.reference,
    requestId: message.requestId,
    traceId: message.trace && traceIdOf(message.trace),
  })

  /** An attempt that Meta did not take. `graphCode`: if it said why. */
  function countFailure({ outcome, graphCode }: Pick<Attempt, 'outcome' | 'graphCode'>): void {
    metrics.attempts.inc({ outcome })
    tallies?.add(`attempt:${outcome}`)
    tallies?.add(`error:${graphCode ?? outcome}`)
  }

  function countTemplate({ template, language, isTest }: Message, state: TemplateState): void {
    if (template === undefined || language === undefined || isTest) return
    metrics.templateMessage(template, language, state)
    // As `pauses.ts` names it, too.
    tallies?.add(`template-${state}:${template} ${language}`)
  }

  /** All that is known of an attempt: the same in each of its three lines. */
  const aboutAttempt = (event: string, message: Message, attempt: Attempt) => ({
    event,
    messageId: message.id,
    app: message.app,
    to: maskPhoneNumber(message.to),
    isTest: message.isTest,
    reference: message.reference,
    requestId: message.requestId,
    traceId: message.trace && traceIdOf(message.trace),
    template: message.template,
    language: message.language,
    attempt: message.attempts,
    claims: message.claims,
    outcome: attempt.outcome,
    detail: attempt.detail,
    graphCode: attempt.graphCode,
    fbtraceId: attempt.fbtraceId,
    waitedMs: whole(waitedMs(message)),
    slotMs: whole(attempt.slotMs),
    callMs: whole(attempt.callMs),
    durationMs: Math.round(attempt.durationMs),
    noteMs: whole(attempt.noteMs),
    tokenVersion: attempt.tokenVersion,
    nextStep: attempt.nextStep,
    delayMs: attempt.delayMs,
    deadlineInMs: Math.round(message.expiresAt - now()),
  })

  /** Good news: it may be left out when there is much of it. */
  function good(level: 'info' | 'debug', id: string, facts: { event: string }, text: string): void {
    if (!sampling) return logger[level](facts, text)
    if (!logger.isLevelEnabled(level)) return
    const oneIn = sampling.rateFor(facts.event, id)
    if (oneIn > 0) logger[level](oneIn === 1 ? facts : { ...facts, sampleRate: oneIn }, text)
  }

  return {
    /** @param acceptMs from the request until all of it was in Redis, in milliseconds */
    messageAccepted(message: Message, acceptMs: number, requestId?: string): void {
      if (!message.isTest) {
        metrics.accepted.inc({ app: message.app, type: message.type })
        tallies?.add('accepted')
      }
      const facts = {
        event: 'message.accepted',
        type: message.type,
        messageId: message.id,
        app: message.app,
        to: maskPhoneNumber(message.to),
        isTest: message.isTest,
        reference: message.reference,
        requestId: requestId ?? message.requestId,
        traceId: message.trace && traceIdOf(message.trace),
        template: message.template,
        language: message.language,
        acceptMs: Math.round(acceptMs),
      }
      good('info', message.id, facts, 'message accepted')
    },

    /** An attempt after which Meta has the message. */
    messageSent(message: Message, attempt: Attempt): void {
      metrics.attempts.inc({ outcome: attempt.outcome })
      tallies?.add('sent')
      metrics.toSent.observe((now() - message.acceptedAt) / 1000)
      countTemplate(message, 'sent')
      // Not Meta's id: it holds the recipient's number in base64. The record has it.
      good('info', message.id, aboutAttempt('message.sent', message, attempt), 'message sent')
    },

    /** A message in the queue begins to wait for something. Counted for people, and not logged: its timeline has it. */
    messageWaits(kind: WaitKind): void {
      tallies?.add(`wait:${kind}`)
    },

    /** An attempt that did not end the message: it is tried again, or waits, or is held for a receipt. */
    messageRetry(message: Message, attempt: Attempt): void {
      countFailure(attempt)
      logger.warn(aboutAttempt('message.retry', message, attempt), 'message not sent yet')
    },

    /** The last attempt before the fallback. */
    messageFailed(message: Message, attempt: Attempt): void {
      countFailure(attempt)
      logger.warn(aboutAttempt('message.failed', message, attempt), 'message failed')
    },

    /** It goes to the fallback queue; the record follows there. */
    fallbackDecided(message: Message, reason: FallbackReason): void {
      countTemplate(message, 'failed')
      logger.warn(
        { event: 'message.fallback_decided', ...about(message), reason },
        'message goes to the fallback',
      )
    },

    messageExpired(message: Message): void {
      logger.warn({ event: 'message.expired', ...about(message) }, 'message expired')
    },

    messageReceipt(message: Message, receipt: { status: string; graphCode?: number; isNews: boolean }): void {
      tallies?.add('receipt')
      if (receipt.status === 'failed' && receipt.isNews)
        tallies?.add(`error:${receipt.graphCode ?? 'unknown'}`)
      const facts = {
        event: 'message.receipt',
        ...about(message),
        ...receipt,
        sinceSentMs: whole(sinceSentMs(message, now())),
      }
      if (receipt.status === 'failed') logger.info(facts, 'receipt')
      else good('info', message.id, facts, 'receipt')
    },

    /** The phone has it: the first `delivered` or `read`. */
    messageArrived(message: Message): void {
      metrics.toDelivered.observe((now() - message.acceptedAt) / 1000)
      countTemplate(message, 'delivered')
      metrics.ended.inc({ end: 'delivered', reason: '' })
      tallies?.add('delivered')
    },

    /** Counted once for each message: by whoever moved it there. The ends that an app brings about have functions of their own. */
    messageEnded(end: MessageEnd, reason: FallbackReason | ''): void {
      metrics.ended.inc({ end, reason })
      tallies?.add(reason === '' ? end : `${end}:${reason}`)
    },

    /** An operator has the code of a message sent again, as the copy. */
    messageResent(message: Message, copy: Message, operator: string): void {
      const facts = {
        event: 'message.resent',
        ...about(message),
        status: message.status,
        resentAs: copy.id,
        operator,
      }
      logger.warn(facts, 'message sent again by an operator')
    },

    /** Its app, or an operator, took it back before it was sent. */
    messageCanceled(message: Message): void {
      metrics.ended.inc({ end: 'canceled', reason: '' })
      tallies?.add('canceled')
      logger.info({ event: 'message.canceled', ...about(message) }, 'message canceled')
    },

    /** The person has typed the code. That is the end of it, unless it was counted as delivered before. */
    messageUsed(message: Message, isEnd: boolean): void {
      if (isEnd) metrics.ended.inc({ end: 'used', reason: '' })
      if (isEnd) tallies?.add('used')
      logger.info({ event: 'message.used', ...about(message) }, 'code used')
    },

    /** The code was typed in; or `guessed`: as many wrong ones as may be, so nothing is right any more. */
    verificationEnded({ id, app }: { id: string; app: string }, end: 'verified' | 'guessed'): void {
      const facts = { event: `verification.${end}`, verificationId: id, app }
      if (end === 'verified') logger.info(facts, 'verified')
      else logger.warn(facts, 'too many wrong codes: this verification is over')
    },

    /** A call to Meta of any kind. Counted and not logged. */
    providerCalled(outcome: string, durationMs: number): void {
      metrics.graphRequest.observe({ outcome }, durationMs / 1000)
      tallies?.add(`call:${outcome}`)
      tallies?.add('call-ms', Math.round(durationMs))
    },

    /** Counted and not logged: a flood is refused as quickly as it comes. */
    messageLimited(limit: Limit | 'country'): void {
      metrics.limited.inc({ limit })
      tallies?.add(`limited:${limit}`)
    },

    /** A prefix of numbers, which is none, looks like pumping, is stopped, or goes on; or an app comes to its limit of the day. */
    limitNews(app: string, news: LimitNews): void {
      switch (news.kind) {
        case 'near':
        case 'reached': {
          const facts = { event: `app.limit_${news.kind}`, app, most: news.most }
          return logger.warn(facts, `the app ${LIMIT_TEXTS[news.kind]}`)
        }
        case 'suspicious':
        case 'stopped':
        case 'resumed': {
          const { kind, prefix, sent, used } = news
          const facts = {
            event: `prefix.${kind}`,
            app,
            prefix,
            sent: Math.round(sent),
            used: Math.round(used),
          }
          return logger[kind === 'stopped' ? 'error' : 'warn'](facts, LIMIT_TEXTS[kind])
        }
      }
    },

    /** Many codes to one block of numbers fail because of their recipients. Meta charges for none of them; somebody may be trying numbers. */
    prefixFailing(app: string, prefix: string): void {
      logger.warn({ event: 'prefix.suspicious', app, prefix, isFailing: true }, LIMIT_TEXTS.failing)
    },

    /** An operator has the code of a message that fell back. Why, is in the audit and not here: people write what they should not. */
    codeRevealed(message: Message, operator: string): void {
      logger.warn({ event: 'code.revealed', ...about(message), operator }, 'code revealed to an operator')
    },

    /** Meta has this sender go slower: all of it does, for every worker. */
    senderSlowedDown(slower: { reason: string; ratePerSecond: number; pauseMs: number }): void {
      logger.warn({ event: 'sender.slowed_down', ...slower }, 'Meta has the sender slow down')
    },

    /** @param limitPerSecond what Meta allows this number; below the pace of our own it is what counts */
    senderThroughput(level: string, limitPerSecond: number, isBelowPace: boolean): void {
      const facts = { event: 'sender.throughput', throughput: level, limitPerSecond }
      if (isBelowPace)
        logger.warn(facts, 'Meta allows this number less than SEND_RATE_PER_SECOND: it goes at that')
      else logger.info(facts, 'the throughput that Meta allows this number')
    },

    possibleDuplicate(message: Message): void {
      metrics.possibleDuplicates.inc()
      tallies?.add('duplicate')
      logger.warn({ event: 'message.possible_duplicate', ...about(message) }, 'sent again without knowing')
    },

    /** What a crash, or a Redis that forgot, had left undone, and is done now. A record that is lost can only be told. */
    repaired(kind: Repair, about: { messageId: string }): void {
      metrics.repairs.inc({ kind })
      tallies?.add(`repair:${kind}`)
      const facts = { event: 'message.repaired', kind, ...about }
      if (kind === 'record_lost') logger.error(facts, 'the record of a message is gone: Redis has lost it')
      else logger.warn(facts, 'message put back on its way')
    },

    /** A message whose worker died each time it was begun with. */
    workerKiller(message: Message, runs: number): void {
      logger.error({ event: 'message.worker_lost', ...about(message), runs }, 'its workers died with it')
    },

    /** Which Redis this process works with; said at each new connection, because another may have taken over. */
    redisFacts(facts: RedisFacts): void {
      const why = whyUnfit(facts)
      const { version, evictionPolicy, isAppendOnly, maxMemoryBytes } = facts
      const told = { version, evictionPolicy, isAppendOnly, maxMemoryBytes }
      if (why !== undefined) logger.error({ event: 'redis.unfit', ...told }, `this Redis will not do: ${why}`)
      else if (isAppendOnly === false)
        logger.warn(
          { event: 'redis.not_durable', ...told },
          'Redis keeps no append-only file: a restart loses all',
        )
      else logger.info({ event: 'redis.connected', ...told }, 'connected to Redis')
    },

    /** Messages live by the time of Redis: this says that it jumped, or that this machine's clock is off. */
    clockChanged({ byMs, machineOffMs }: ClockChange): void {
      const facts = { event: 'clock.changed', byMs: Math.round(byMs), machineOffMs: Math.round(machineOffMs) }
      logger.warn(facts, 'the clock of Redis was taken over')
    },

    /** A person says that they asked for no code: a fraud may be under way. */
    messageNotRequested(message: Message): void {
      logger.warn(
        { event: 'message.not_requested', ...about(message) },
        'the person did not request this code',
      )
    },

    /** At `debug`: a request that was answered, whatever with. */
    requestCompleted(
      request: AnsweredRequest & { durationMs: number; caller?: string; keyId?: string },
    ): void {
      if (!logger.isLevelEnabled('debug')) return
      const { trace, durationMs, ...facts } = request
      const told = {
        event: 'request.completed',
        ...facts,
        traceId: trace && traceIdOf(trace),
        durationMs: Math.round(durationMs),
      }
      good('debug', request.requestId, told, 'request completed')
    },

    /** A request that failed on our side, or because Redis was away. */
    requestFailed(request: AnsweredRequest, error: unknown): void {
      const { trace, ...facts } = request
      const traceId = trace && traceIdOf(trace)
      logger.error({ event: 'request.failed', ...facts, traceId, err: error }, 'request failed')
    },

    /** Another level of the logs than before. `until`: milliseconds since 1970; undefined: it is the usual one. */
    logLevelChanged(change: { from: string; to: string; until: number | undefined }): void {
      const { from: fromLevel, to: toLevel, until } = change
      const facts = { fromLevel, toLevel, ...(until !== undefined && { until: iso(until) }) }
      logger.warn({ event: 'logs.level_changed', ...facts }, 'the level of the logs is another')
    },

    /** A key that is not right, or not any more. The first ten of a minute from an address, and then one in ten. */
    loginFailed(login: { address: string; failures: number; why: string; keyId?: string }): void {
      metrics.loginsFailed.inc({ why: login.why })
      if (login.failures > 10 && login.failures % 10 !== 0) return
      logger.warn({ event: 'login.failed', ...login }, 'login failed')
    },

    /** A webhook that was not signed with our app secret. A line every ten seconds at most, with how many there were. */
    webhookRefused(address: string): void {
      metrics.webhooksRefused.inc()
      tallies?.add('webhook-refused')
      refusedWebhooks += 1
      if (now() - refusedSaidAt < REFUSED_SAID_MS) return
      const facts = { event: 'webhook.refused', address, refused: refusedWebhooks }
      refusedWebhooks = 0
      refusedSaidAt = now()
      logger.warn(facts, 'a webhook was not signed with our app secret')
    },

    /** A hook of a login stack that was not signed with a secret of its app. A line every ten seconds at most, with how many there were. */
    hookRefused(address: string): void {
      refusedHooks += 1
      if (now() - hooksSaidAt < REFUSED_SAID_MS) return
      const facts = { event: 'hook.refused', address, refused: refusedHooks }
      refusedHooks = 0
      hooksSaidAt = now()
      logger.warn(facts, 'a hook was not signed with a secret of its app')
    },

    /** Keys in Redis that `ENCRYPTION_KEYS` does not open: they let nobody in. */
    apiKeysUnreadable(count: number): void {
      const facts = { event: 'api.keys_unreadable', count }
      logger.error(facts, 'keys of callers do not open: was a key taken from ENCRYPTION_KEYS too early?')
    },

    /** Says where the chain of the audit is, somewhere else than in Redis. */
    auditEntry({ seq, action, actor, subject, hash }: AuditRecord): void {
      logger.info({ event: 'audit.entry', seq, action, actor, subject, hash }, 'audit entry')
    },

    /** Something was done, and Redis did not take the entry that says so: this line is all there is. */
    auditFailed(error: Error): void {
      logger.error({ event: 'audit.failed', err: error }, 'an audit entry could not be written')
    },

    /** What Meta says of templates, account and number. */
    notice({ kind, ...facts }: Exclude<Notice, { kind: 'not-requested' }>): void {
      logger.warn({ event: `whatsapp.${kind}`, what: facts }, `Meta has news of the ${kind}`)
    },

    /** The template of codes will not do as it is. */
    templateUnfit(template: { name: string; language: string; fault: string }): void {
      const { name, language, fault } = template
      // A line's `name` is that of its process.
      logger.error(
        { event: 'template.unfit', template: name, language, fault },
        'the template does not suit the codes',
      )
    },

    /** @param pause undefined: it is over */
    pauseChanged(what: string, pause: Pause | undefined): void {
      if (!pause) {
        logger.warn({ event: 'sender.resumed', what }, 'sending goes on')
        return
      }
      const { reason, detail, probeAt } = pause
      const facts = { event: 'sender.paused', what, reason, detail, probeAt: iso(probeAt) }
      logger.error(facts, 'nothing is sent with this until a probe succeeds: it goes to the fallback')
    },

    /** This process did nothing for so long. */
    processStalled(heldMs: number): void {
      logger.warn({ event: 'process.stalled', heldMs }, 'the process was blocked or frozen')
    },

    /** @param detail what became of the last send */
    providerUnreachable(detail: string): void {
      const facts = { event: 'provider.unreachable', detail }
      logger.error(facts, 'Meta does not answer: messages wait, one now and then finds out when it is over')
    },

    /** @param outage.probes messages that were sent to find out */
    providerReachable(outage: { afterMs: number; probes: number }): void {
      logger.warn({ event: 'provider.reachable', ...outage }, 'Meta answers again: sending goes on')
    },

    tokenRenewed(token: StoredToken): void {
      metrics.renewals.inc({ outcome: 'renewed' })
      logger.info({ event: 'token.renewed', ...aboutToken(token) }, 'token renewed')
    },

    tokenRenewalFailed(
      failure: { error: string; graphCode?: number; fbtraceId?: string },
      token: StoredToken,
    ): void {
      metrics.renewals.inc({ outcome: 'failed' })
      const facts = { event: 'token.renewal_failed', ...aboutToken(token), ...failure }
      logger.error(facts, 'token renewal failed')
    },

    /** Meta could not be asked about the token, or does not take our app id and secret: then renewal would fail as well. */
    tokenCheckFailed(
      fault: { error: string; graphCode?: number; fbtraceId?: string },
      failures: number,
    ): void {
      const facts = { event: 'token.check_failed', failures, ...fault }
      logger[failures < 3 ? 'warn' : 'error'](facts, 'Meta gave no answer about the access token')
    },

    /** A token of the environment that is not taken over. */
    tokenIgnored(accessToken: Secret, why: string): void {
      const facts = { event: 'token.ignored', source: 'env', fingerprint: fingerprint(accessToken), why }
      logger.warn(facts, 'the access token of the environment is not used')
    },

    /** Another token than one of our own renewal: from the environment, or from an operator, who is named. */
    tokenUpdated(token: StoredToken, operator?: string): void {
      const { source } = token
      logger.info({ event: 'token.updated', source, operator, ...aboutToken(token) }, 'token updated')
    },

    tokenInvalidated(token: StoredToken, why: string): void {
      logger.error({ event: 'token.invalidated', ...aboutToken(token), why }, 'Meta refused the access token')
    },

    tokenConfirmed(token: StoredToken): void {
      const facts = { event: 'token.confirmed', ...aboutToken(token) }
      logger.warn(facts, 'the refused access token is valid after all: it is used again')
    },

    tokenRestored(token: StoredToken): void {
      const facts = { event: 'token.restored', from: 'memory', ...aboutToken(token) }
      logger.error(facts, 'Redis had lost the access token: it was put back from memory')
    },

    tokenExpiring(token: StoredToken & { expiresAt: number }, why: string): void {
      const expiresInSeconds = Math.max(0, Math.floor((token.expiresAt - now()) / 1000))
      const facts = { event: 'token.expiring', ...aboutToken(token), expiresInSeconds, why }
      logger[expiresInSeconds < DAY_SECONDS ? 'error' : 'warn'](facts, 'the access token is near its end')
    },

    tokenUnusable(state: TokenState, token: StoredToken | undefined): void {
      const facts = { event: 'token.unusable', state, ...(token && aboutToken(token)) }
      logger.error(facts, 'there is no access token to send with: codes go to the fallback')
    },

    /** Operators are told that something is wrong; see docs/alerts.md. */
    alertFiring(finding: Finding): void {
      const { severity, what, remedy } = finding
      const facts = { event: 'alert.firing', alert: alertName(finding), severity, what, remedy }
      logger[severity === 'critical' ? 'error' : 'warn'](facts, 'something is wrong')
    },

    /** @param firedAt when it was told that it is wrong */
    alertOver(finding: Finding, firedAt: number): void {
      const lastedMs = Math.max(0, now() - firedAt)
      logger.info({ event: 'alert.over', alert: alertName(finding), lastedMs }, 'it is over')
    },

    modeChanged(change: { from: Mode; to: Mode; why: string }): void {
      const level = { connected: 'info', degraded: 'warn', fallback: 'error' } as const
      logger[level[change.to]]({ event: 'mode.changed', ...change }, 'the mode has changed')
    },

    /** The receiver of ALERT_WEBHOOK_URL took it. Its `attempts` count this one. */
    alertDelivered(notification: Notification, statusCode: number): void {
      logger.debug(
        { event: 'alert.delivered', ...aboutNotification(notification), statusCode },
        'notification delivered',
      )
    },

    /** @param failure.nextInMs when it is posted again; without it it is given up */
    alertUndelivered(notification: Notification, failure: { why: string; nextInMs?: number }): void {
      const isGivenUp = failure.nextInMs === undefined
      const facts = { event: 'alert.undelivered', ...aboutNotification(notification), ...failure, isGivenUp }
      logger.warn(facts, 'the receiver of ALERT_WEBHOOK_URL did not take a notification')
    },

    /** The endpoint of an app took an event. */
    callbackDelivered(app: string, event: WaitingEvent): void {
      metrics.callbacks.inc({ outcome: 'delivered' })
      logger.debug({ event: 'callback.delivered', ...aboutEvent(app, event) }, 'event delivered')
    },

    /** It did not. @param nextInMs when it is posted again, if it is not given up */
    callbackFailed(app: string, event: WaitingEvent, why: string, nextInMs: number | undefined): void {
      metrics.callbacks.inc({ outcome: 'failed' })
      const facts = { event: 'callback.failed', ...aboutEvent(app, event), why, nextInMs }
      logger.debug(facts, 'the endpoint of an app did not take an event')
    },

    /** Events became dead letters: nobody posts them until an operator drives them again. */
    callbackDead(app: string, count: number, why: string): void {
      metrics.callbacks.inc({ outcome: 'dead' }, count)
      logger.warn({ event: 'callback.dead', app, count, why }, 'events of an app were given up')
    },

    /** Nothing but probes goes to this endpoint. */
    callbackPaused(app: string, { failures, failingSince, lastFault }: EndpointHealth): void {
      const facts = {
        event: 'callback.paused',
        app,
        failures,
        failingSince: iso(failingSince),
        why: lastFault,
      }
      logger.error(facts, 'the endpoint of an app is paused: it takes nothing')
    },

    /** @param by an operator; undefined: a probe was taken */
    callbackResumed(app: string, by?: string): void {
      logger.info({ event: 'callback.resumed', app, by }, 'the endpoint of an app gets events again')
    },

    /** The settings of a callback do not open. */
    callbackUnreadable(app: string, error: Error): void {
      const facts = { event: 'callback.unreadable', app, err: error }
      logger.error(facts, 'the callback of an app cannot be opened: its events wait')
    },
  }
}

const LIMIT_TEXTS = {
  near: 'comes near its limit of the day',
  reached: 'has reached its limit of the day: what it sends is refused',
  suspicious: 'few codes to these numbers are used',
  stopped: 'next to no codes to these numbers are used: they get no more for now',
  resumed: 'these numbers get codes again',
  failing: 'many codes to these numbers cannot be delivered',
}

export type Repair = (typeof REPAIRS)[number]

/** What was left out of the good news of one kind, for `createSampling`. */
export function sayLeftOut(logger: Logger) {
  return (of: string, leftOut: number, seconds: number): void =>
    logger.info({ event: 'logs.sampled', of, leftOut, seconds }, 'good news was left out')
}

export type Events = ReturnType<typeof createEvents>

const DAY_SECONDS = 24 * 3600

function aboutNotification({ id, about, attempts, body }: Notification) {
  return { notificationId: id, type: body.type, about, attempts }
}

function aboutEvent(app: string, { messageId, sequence, status, tries }: WaitingEvent) {
  return { app, messageId, sequence, status, tries }
}

/** A token as people may see it. */
function aboutToken({ version, accessToken, expiresAt }: StoredToken) {
  return { version, fingerprint: fingerprint(accessToken), expiresAt: iso(expiresAt) }
}

/** How long a message that is claimed had waited: since it was accepted, or since its last attempt was noted. */
function waitedMs({ timeline }: Message): number | undefined {
  const claimed = timeline.findLastIndex(({ status }) => status === 'sending')
  const [before, claim] = [timeline[claimed - 1], timeline[claimed]]
  return before && claim && claim.at - before.at
}

/** Undefined unless our own call was answered before. */
function sinceSentMs({ timeline }: Message, at: number): number | undefined {
  const sent = timeline.findLast(({ status, detail }) => status === 'sent' && detail === ACCEPTED_BY_META)
  return sent && Math.max(0, at - sent.at)
}

function whole(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}

function iso(time: number | null | undefined): string | null {
  return time === null || time === undefined ? null : new Date(time).toISOString()
}
