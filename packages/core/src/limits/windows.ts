/**
 * Counts of what was accepted in the last hour or day. A window is kept in buckets of time, so it costs the same however much is
 * counted; the oldest bucket counts as a whole, so the limit holds in any hour or day, wherever it begins.
 */

/** `buckets` of `bucketMs` each are the window; one more is kept, for the part of it that the window still covers. */
export type WindowShape = { bucketMs: number; buckets: number }

export const HOUR: WindowShape = { bucketMs: 300_000, buckets: 12 }
export const DAY: WindowShape = { bucketMs: 3_600_000, buckets: 24 }

/** From this part of the day's limit on it is told that an app comes near it. */
const NEAR = 0.8

/**
 * Needs `now` and `news`. A window is { keys, bucketMs, buckets, most }: what is counted goes to the first key, what is read is the sum of
 * all. It is read once in a script, and written once, by `saveWindows`.
 */
export const WINDOWS = `
local windows = {}
local function openWindow(plan)
  local window = { plan = plan, key = KEYS[plan.keys[1]], counts = {}, gone = {}, sum = 0, added = 0 }
  window.bucket = math.floor(now / plan.bucketMs)
  for i, key in ipairs(plan.keys) do
    local found = redis.call('HGETALL', KEYS[key])
    for j = 1, #found, 2 do
      local bucket, count = tonumber(found[j]), tonumber(found[j + 1])
      if bucket >= window.bucket - plan.buckets then
        window.counts[bucket] = (window.counts[bucket] or 0) + count
        window.sum = window.sum + count
      elseif i == 1 then
        window.gone[#window.gone + 1] = found[j]
      end
    end
  end
  windows[#windows + 1] = window
  return window
end
local function windowWait(window)
  local plan, left = window.plan, window.sum + window.added
  if left < plan.most then return 0 end
  for bucket = window.bucket - plan.buckets, window.bucket do
    left = left - (window.counts[bucket] or 0) - (bucket == window.bucket and window.added or 0)
    if left < plan.most then return (bucket + plan.buckets + 1) * plan.bucketMs - now end
  end
  return plan.bucketMs
end
local function saveWindows()
  for _, window in ipairs(windows) do
    local plan, after = window.plan, window.sum + window.added
    if #window.gone > 0 then redis.call('HDEL', window.key, unpack(window.gone)) end
    if window.added > 0 then
      redis.call('HINCRBY', window.key, string.format('%.0f', window.bucket), window.added)
      redis.call('PEXPIRE', window.key, (plan.buckets + 1) * plan.bucketMs)
    end
    for _, part in ipairs({ ${NEAR}, 1 }) do
      if plan.tells and window.sum < part * plan.most and after >= part * plan.most then
        news[#news + 1] = { kind = part == 1 and 'reached' or 'near', most = plan.most }
      end
    end
  end
end
-- What was counted a moment ago is taken back: from the last bucket that has something.
local function uncountWindow(window)
  for bucket = window.bucket, window.bucket - window.plan.buckets, -1 do
    local field = string.format('%.0f', bucket)
    if tonumber(redis.call('HGET', window.key, field) or 0) > 0 then
      redis.call('HINCRBY', window.key, field, -1)
      return
    end
  end
end
`
