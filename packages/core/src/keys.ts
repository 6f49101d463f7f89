/** Every Redis key of ours, one function each. BullMQ keeps its own beside them, as `<prefix>:<queue>:...`. */
export function createKeys(prefix: string) {
  return {
    /** Hash: the record of a message. Lives until a day after the deadline. */
    message: (id: string) => `${prefix}:message:${id}`,
    /**
     * String: its sealed content. Gone at the deadline, or when the message is settled; a code that fell back stays until the deadline,
     * unless Relais cannot read it.
     */
    content: (id: string) => `${prefix}:content:${id}`,
    /**
     * Sorted set: what messages of a day (days since 1970, UTC) are found by, as keyed digests, with their ids; by the beginning of the digest.
     * Goes 25 hours after the end of the day. See `message-index.ts`.
     */
    foundBy: (day: number, digestStart: string) => `${prefix}:found-by:${day}:${digestStart}`,
    /** Hash: what a request with this idempotency key led to. Lives a day. Named by a keyed digest, see `keyed-digest.ts`. */
    idempotency: (digest: string) => `${prefix}:idempotency:${digest}`,
    /** Sorted set: when a recipient's messages of the last hour were accepted. Named by a keyed digest. */
    recipient: (digest: string) => `${prefix}:recipient:${digest}`,
    /** Hash: how many messages a source address has asked for, by five minutes. Expires after an hour. Named by a keyed digest. */
    source: (digest: string) => `${prefix}:source:${digest}`,
    /** Hash: how many messages of an app were accepted, by the hour. Expires after a day. */
    appDay: (app: string) => `${prefix}:app-day:${app}`,
    /** Hash: how many messages of an app went to a block of numbers, by five minutes. Expires after an hour. */
    prefixHour: (app: string, block: string) => `${prefix}:prefix-hour:${app}:${block}`,
    /** String: codes that an app sent to numbers with this prefix, and codes that were used. Expires after a day. */
    guard: (app: string, numberPrefix: string) => `${prefix}:guard:${app}:${numberPrefix}`,
    /** Hash: the same for each app that tells of used codes, without what looks like pumping. Expires after a month. */
    guardApps: () => `${prefix}:guard-apps`,
    /** Hash: the prefixes that the guard has stopped, and since when. Expires a day after the last stop. */
    guardStops: () => `${prefix}:guard-stops`,
    /** String: codes of an app that failed because of their recipients in this block. Expires after a day. */
    failing: (app: string, block: string) => `${prefix}:failing:${app}:${block}`,
    /** Hash: what operators have ruled about prefixes. Expires with the last ruling. */
    rulings: () => `${prefix}:rulings`,
    /** Hash: the record of a verification. Lives until an hour after its deadline; with a test key, an hour after its start. */
    verification: (id: string) => `${prefix}:verification:${id}`,
    /** String: its sealed code. Gone at the deadline, or when the verification ends. */
    verificationCode: (id: string) => `${prefix}:verification-code:${id}`,
    /** String: wrong answers in a row for a recipient of an app. Expires a day after the last one. Named by a keyed digest. */
    wrongInARow: (digest: string) => `${prefix}:wrong-in-a-row:${digest}`,
    /** Sorted set: message ids by the moment they are to be looked at, whatever became of their jobs. */
    timers: () => `${prefix}:timers`,
    /** Sorted set: ids of messages that fell back, by the moment. Holds a day, and ten thousand of them. */
    fallen: () => `${prefix}:fallen`,
    /** Sorted set: the messages whose codes an operator revealed, by the moment. Expires after a minute. */
    reveals: (operator: string) => `${prefix}:reveals:${operator}`,
    /** String: who sweeps. Expires with its turn. */
    sweeper: () => `${prefix}:sweeper`,
    /** String: how often a worker has begun with a message and died, if it is suspected of that. Expires after 20 minutes. */
    runs: (id: string) => `${prefix}:runs:${id}`,
    /** Hash: how many messages of each app have not reached an end. Goes with the last of them. */
    unsettled: () => `${prefix}:unsettled`,
    /** Hash: what a sender must not use now, with why and until when. Expires a week after its last change. */
    pauses: (senderId: string) => `${prefix}:pauses:${senderId}`,
    /** Hash: a sender's access tokens, sealed, with their versions. Has no expiry. */
    accessToken: (senderId: string) => `${prefix}:access-token:${senderId}`,
    /** Channel: told of every change to them. */
    tokenChanges: (senderId: string) => `${prefix}:access-token:${senderId}:changes`,
    /** String: it was said that there is no token. Expires after an hour. */
    tokenMissingSaid: (senderId: string) => `${prefix}:access-token:${senderId}:missing-said`,
    /** String: who may renew that token now. Expires with the lease. */
    renewalLease: (senderId: string) => `${prefix}:renewal-lease:${senderId}`,
    /** Hash: a sender's next slot, and how fast Meta lets it go. Expires two minutes after the last message. */
    pace: (senderId: string) => `${prefix}:pace:${senderId}`,
    /** Hash: what a sender has sent to one recipient. Expires when nothing of it matters. Named by a digest of the number. */
    pair: (senderId: string, digest: string) => `${prefix}:pair:${senderId}:${digest}`,
    /** Hash: the virtual time of the queue, and each flow's next tag. Expires after 20 idle minutes. */
    fairness: () => `${prefix}:fairness`,
    /** Hash: the keys of callers, sealed, by their ids; and the version of all that. Has no expiry; at most a thousand. */
    apiKeys: () => `${prefix}:api-keys`,
    /** Hash: when each of them was last used, in milliseconds since 1970. Has no expiry. */
    apiKeysUsed: () => `${prefix}:api-keys:used`,
    /** Stream: who did what. Entries go by their age. */
    audit: () => `${prefix}:audit`,
    /** Hash: where its chain ends. Has no expiry. */
    auditHead: () => `${prefix}:audit:head`,
    /** Hash: what happened in this minute (since 1970), by name: see `tallies.ts`. Expires after an hour. */
    minute: (minute: number) => `${prefix}:minute:${minute}`,
    /** Hash: the processes that are alive, by their ids, as JSON. Expires an hour after the last of them. */
    processes: () => `${prefix}:processes`,
    /** Hash: what operators were told of that is wrong, and what waits to be told. Expires a week after the last look. */
    alerts: () => `${prefix}:alerts`,
    /** String: which API looks for it. Expires with its turn. */
    alertTurn: () => `${prefix}:alert-turn`,
    /** Hash: where the events of each app are posted to, and the secrets that sign them, sealed. Has no expiry; at most two hundred. */
    callbacks: () => `${prefix}:callback-urls`,
    /** List: the events of a message that its app has not taken, the oldest first. Expires a week after the last. */
    callbackEvents: (messageId: string) => `${prefix}:callback-events:${messageId}`,
    /** Sorted set: the messages of an app that have such events, by the moment of the first. Expires a week after the last; at most ten thousand. */
    callbackWaiting: (app: string) => `${prefix}:callback-waiting:${app}`,
    /** Sorted set: the same, by the moment at which the first is to be posted. */
    callbackDue: (app: string) => `${prefix}:callback-due:${app}`,
    /** List: the events of an app that were given up, the oldest first. Expires a week after the last; at most five thousand. */
    callbackDead: (app: string) => `${prefix}:callback-dead:${app}`,
    /** Hash: how an app's endpoint does. Expires a week after its last change. */
    callbackHealth: (app: string) => `${prefix}:callback-health:${app}`,
    /** String: when the last valid receipt came in, in milliseconds since 1970. Has no expiry. */
    lastReceipt: () => `${prefix}:last-receipt`,
    /** String: the level that operators have set for the logs of all processes, and until when. Expires then. */
    logLevel: () => `${prefix}:log-level`,
  }
}

export type Keys = ReturnType<typeof createKeys>
