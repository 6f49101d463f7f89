/**
 * What the guard counts and decides, as Lua for the scripts that do it: at the door, and when something is heard of a message later. What it is
 * for is told in `guard.ts`.
 */
import type { PrefixSize } from '../phone-number.ts'

/** So many unused codes are let pass before a prefix can be stopped. Less than three hundred, whatever the size. */
export const GRACE: Record<PrefixSize, number> = { block: 150, area: 200, country: 240 }

/** Beyond the grace a prefix is stopped when less than this part of its codes was used, */
const STOPPED_BELOW = 0.2

/** beyond half of it it is suspicious below this part, */
const SUSPICIOUS_BELOW = 0.4

/** and when this part and one more were used it speaks for itself. */
const PROVEN_FROM = 0.4

/** More unused codes than so many times the grace are not held against a prefix, or it would be stopped for days. */
const MOST_GRACES = 2

/** A stop is over when its unused codes have come down to this part of the grace, */
const RESUMED_AT = 0.8

/** or when this part of its codes was used. */
const RESUMED_FROM = 0.3

const HALF_LIFE_MS = 3 * 3600 * 1000

/** An app is judged by its used codes when there were so many of them, */
const APP_USED = 20

/** this part of all that it sent, */
const APP_USED_PART = 0.3

/** counted over about a week; and then for a week. */
const APP_HALF_LIFE_MS = 3.5 * 24 * 3600 * 1000
export const WEEK_MS = 7 * 24 * 3600 * 1000

/** Nothing of a count matters after so long. */
export const KEPT_MS = 24 * 3600 * 1000
const APPS_KEPT_MS = 30 * 24 * 3600 * 1000

/**
 * Needs `now`. The record of a prefix is { sent, used, at, said }, kept as those four words; it is read once in a script, and written once, by
 * `saveRecords`. A level is such a record with its grace and prefix. The record of an app is JSON: see `AppRecord`.
 */
export const GUARD = `
local records = {}
local function left(at, halfLife)
  return 0.5 ^ (math.max(0, now - at) / halfLife)
end
local function readRecord(text)
  local sent, used, at, said = string.match(text or '', '^(%S+) (%S+) (%S+) (%S+)$')
  if not sent then return { sent = 0, used = 0, said = '-' } end
  local part = left(tonumber(at), ${HALF_LIFE_MS})
  return { sent = tonumber(sent) * part, used = tonumber(used) * part, said = said }
end
local function recordText(record)
  return string.format('%.4f %.4f %.0f %s', record.sent, record.used, now, record.said)
end
local function openLevel(plan)
  local key = KEYS[plan.key]
  if not records[key] then records[key] = readRecord(redis.call('GET', key)) end
  records[key].grace = plan.grace
  records[key].prefix = plan.prefix
  return records[key]
end
local function openApp(plan)
  local text = redis.call('HGET', KEYS[plan.apps], plan.app)
  if not text then return { sent = 0, used = 0, usedAt = 0, judgedUntil = 0 } end
  local record = cjson.decode(text)
  local part = left(record.at, ${APP_HALF_LIFE_MS})
  record.sent, record.used, record.isKnown = record.sent * part, record.used * part, true
  return record
end
local function saveApp(plan, app)
  local isFit = app.used >= ${APP_USED} and app.used >= ${APP_USED_PART} * app.sent
  local judgedUntil = isFit and now + ${WEEK_MS} or app.judgedUntil
  local record = { sent = app.sent, used = app.used, at = now, usedAt = app.usedAt, judgedUntil = judgedUntil }
  redis.call('HSET', KEYS[plan.apps], plan.app, cjson.encode(record))
  redis.call('PEXPIRE', KEYS[plan.apps], ${APPS_KEPT_MS})
end
local function saveRecords()
  for key, record in pairs(records) do
    if record.isChanged then redis.call('SET', key, recordText(record), 'PX', ${KEPT_MS}) end
  end
end
local function isProven(level)
  return level.used - 1 >= ${PROVEN_FROM} * level.sent
end
local function isSuspicious(level)
  return level.sent - level.used >= level.grace / 2 and level.used < ${SUSPICIOUS_BELOW} * level.sent
end
local function isOver(level)
  return level.sent - level.used > level.grace - 1 and level.used < ${STOPPED_BELOW} * level.sent
end
-- The levels that a message is judged by, those that count it, and whether one of them is suspicious.
local function walk(plans)
  local levels, counting, suspicious = {}, {}, false
  for _, plan in ipairs(plans) do
    local level = openLevel(plan)
    levels[#levels + 1] = level
    if not suspicious then counting[#counting + 1] = level end
    suspicious = suspicious or isSuspicious(level)
    if isProven(level) then break end
  end
  return levels, counting, suspicious
end
local function change(record, sent, used)
  local most = record.grace and math.max(10 * record.used, record.used + ${MOST_GRACES} * record.grace) or math.huge
  record.sent = math.max(0, math.min(record.sent + sent, most))
  record.used = math.min(record.sent, record.used + used)
  record.isChanged = true
end
`

/**
 * For the door, after GUARD. Needs `news`. `guardWait` answers how long a message must wait, the levels that count it if it need not, and whether one is suspicious.
 */
export const GUARD_DOOR = `
local function tell(plan, app, level, kind)
  level.said = kind == 'resumed' and '-' or kind
  level.isChanged = true
  news[#news + 1] = { kind = kind, prefix = level.prefix, sent = level.sent, used = level.used }
  if kind == 'suspicious' then
    change(app, -math.min(level.sent - level.used, app.sent - app.used), 0)
  elseif kind == 'stopped' then
    redis.call('HSET', KEYS[plan.stops], plan.app .. ' ' .. level.prefix, string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[plan.stops], ${KEPT_MS})
  elseif kind == 'resumed' then
    redis.call('HDEL', KEYS[plan.stops], plan.app .. ' ' .. level.prefix)
  end
end
local function tellOfLevel(plan, app, level)
  local unused = level.sent - level.used
  if plan.stops and isOver(level) then
    if level.said ~= 'stopped' then tell(plan, app, level, 'stopped') end
  elseif level.said == 'stopped' then
    local isQuiet = unused < ${RESUMED_AT} * level.grace or level.used >= ${RESUMED_FROM} * level.sent
    if isQuiet then tell(plan, app, level, 'resumed') end
  elseif level.said == 'suspicious' then
    if unused < level.grace / 4 then level.said = '-'; level.isChanged = true end
  elseif isSuspicious(level) then
    tell(plan, app, level, 'suspicious')
  end
end
local function guardWait(plan, app, plans)
  local levels, counting, suspicious = walk(plans)
  if now > app.judgedUntil then return 0, counting, suspicious end
  local wait = 0
  for _, level in ipairs(levels) do
    tellOfLevel(plan, app, level)
    if plan.stops and isOver(level) then
      local factor = math.log((level.sent - level.used) / (level.grace - 1)) / math.log(2)
      wait = math.max(wait, 1000, math.ceil(${HALF_LIFE_MS} * factor))
    end
  end
  return wait, counting, suspicious
end
`
