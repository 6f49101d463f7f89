/**
 * For the script that moves messages: notes a change of state as an event for the app, in the step that makes the change. So no event is lost or made
 * up, whatever dies, and the order of a message's events is that of its changes. Apps without a callback pay one small look a call.
 *
 * What waits is not kept without end: of one app so many messages have events that wait; of more, the oldest go to the dead letters, and of these the
 * oldest go.
 */
import type { Keys } from '../keys.ts'

/** So many messages of an app have events that wait. */
const MOST_WAITING = 10_000

/** So many dead letters of an app are kept, for so long after the last. */
export const MOST_DEAD = 5000
export const CALLBACKS_KEPT_MS = 7 * 24 * 3600_000

/** The names that `OPEN_CALLBACKS` needs, as JSON. */
export function callbackNames(keys: Keys): string {
  return JSON.stringify({
    events: keys.callbackEvents(''),
    waiting: keys.callbackWaiting(''),
    due: keys.callbackDue(''),
    dead: keys.callbackDead(''),
  })
}

/**
 * For scripts: `openCallbacks(callbacks, names)` gives two functions. `tell` notes that a message of an app has become what it now is, if the app has a
 * callback; `bury` makes dead letters of all that waits of a message.
 *
 * An event that waits is an element of the list of its message; a message is in the sets of its app while its list has elements.
 */
export const OPEN_CALLBACKS = `
local function openCallbacks(callbacks, json)
  local names, apps = nil, nil
  local function bury(app, id, why, at)
    names = names or cjson.decode(json)
    local list, dead = names.events .. id, names.dead .. app
    local events = redis.call('LRANGE', list, 0, -1)
    for _, event in ipairs(events) do
      redis.call('RPUSH', dead, cjson.encode({ messageId = id, why = why, diedAt = at, event = event }))
    end
    redis.call('LTRIM', dead, -${MOST_DEAD}, -1)
    redis.call('PEXPIRE', dead, ${CALLBACKS_KEPT_MS})
    redis.call('DEL', list)
    redis.call('ZREM', names.waiting .. app, id)
    redis.call('ZREM', names.due .. app, id)
    return #events
  end
  local function tell(record, app, id, status, reason, moment)
    if not apps then
      apps = {}
      for _, name in ipairs(redis.call('HKEYS', callbacks)) do apps[name] = true end
    end
    if not apps[app] then return end
    names = names or cjson.decode(json)
    local at = string.format('%.0f', moment)
    local sequence = redis.call('HINCRBY', record, 'told', 1)
    local about = redis.call('HMGET', record, 'to', 'reference', 'isTest')
    local event = { sequence = sequence, status = status, at = at, since = at, lastDigits = string.sub(about[1], -4) }
    if about[2] then event.reference = about[2] end
    if about[3] then event.isTest = true end
    if status == 'fallback' and reason then event.reason = reason end
    local list, waiting, due = names.events .. id, names.waiting .. app, names.due .. app
    redis.call('RPUSH', list, cjson.encode(event))
    redis.call('ZADD', waiting, 'NX', at, id)
    redis.call('ZADD', due, 'NX', at, id)
    for _, key in ipairs({ list, waiting, due }) do redis.call('PEXPIRE', key, ${CALLBACKS_KEPT_MS}) end
    if redis.call('ZCARD', waiting) > ${MOST_WAITING} then
      bury(app, redis.call('ZRANGE', waiting, 0, 0)[1], 'too many wait', at)
    end
  end
  return tell, bury
end
`
