-- Times and durations, in milliseconds as everywhere; the days are those of UTC unless an offset is
-- given.
--
--   local time = require "tocsin.time"
--   if time.within(tocsin.now(), "22:00", "07:00") then return "drop" end

---@class tocsin.time
local time = {}

local MINUTE = 60 * 1000
local DAY = 24 * 60 * MINUTE
local UNITS = {ms = 1, s = 1000, m = MINUTE, h = 60 * MINUTE, d = DAY}
local WEEKDAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

---Milliseconds of a duration as configurations write it.
---@param duration string "500ms", "30s", "5m", "2h", "7d"
---@return integer? ms nil when it is none
---@return string? why not
function time.ms(duration)
  local count, unit = duration:match("^(%d+)(%l+)$")
  if unit == nil or UNITS[unit] == nil or #count > 12 then
    return nil, "a duration is written as a number and ms, s, m, h or d"
  end
  return math.tointeger(tonumber(count)) * UNITS[unit]
end

---A duration for people: "2h 5m", "45s"; no more than two units.
---@param ms number
---@return string
function time.words(ms)
  local left = math.max(0, ms) // 1
  local parts = {}
  for _, unit in ipairs {"d", "h", "m", "s"} do
    local count = left // UNITS[unit]
    if count > 0 then parts[#parts + 1] = string.format("%d%s", count, unit) end
    if #parts == 2 or (#parts == 1 and count == 0) then break end
    left = left % UNITS[unit]
  end
  if #parts == 0 then return string.format("%dms", left) end
  return table.concat(parts, " ")
end

---@class tocsin.Clock
---@field weekday "monday"|"tuesday"|"wednesday"|"thursday"|"friday"|"saturday"|"sunday"
---@field hour integer 0 to 23
---@field minute integer
---@field minute_of_day integer

---What clocks show.
---@param ms integer since 1970, such as tocsin.now()
---@param offset_minutes? integer of the place, east of Greenwich
---@return tocsin.Clock
function time.clock(ms, offset_minutes)
  local minutes = ms // MINUTE + (offset_minutes or 0)
  local day = minutes // (DAY // MINUTE)
  local minute_of_day = minutes % (DAY // MINUTE)
  return {
    weekday = WEEKDAYS[(day + 3) % 7 + 1], -- 1970-01-01 was a Thursday
    hour = minute_of_day // 60,
    minute = minute_of_day % 60,
    minute_of_day = minute_of_day,
  }
end

-- "07:30" as minutes of the day.
local function minute_of(text)
  local hour, minute = text:match("^(%d%d?):(%d%d)$")
  local minutes = hour ~= nil and tonumber(hour) * 60 + tonumber(minute)
  if not minutes or minutes > 24 * 60 or tonumber(minute) > 59 then
    error("a time of the day is written 07:30, not " .. text, 3)
  end
  return minutes
end

---Whether it is between two times of the day; the second may be on the day after.
---@param ms integer since 1970
---@param from string "22:00"
---@param to string "07:00", not included
---@param offset_minutes? integer
---@return boolean
function time.within(ms, from, to, offset_minutes)
  local first, last = minute_of(from), minute_of(to)
  local now = time.clock(ms, offset_minutes).minute_of_day
  if first <= last then return now >= first and now < last end
  return now >= first or now < last
end

---Milliseconds until that time of the day, 0 to less than a day.
---@param ms integer since 1970
---@param at string "07:00"
---@param offset_minutes? integer
---@return integer
function time.until_clock(ms, at, offset_minutes)
  local since_midnight = (ms + (offset_minutes or 0) * MINUTE) % DAY
  return (minute_of(at) * MINUTE - since_midnight) % DAY
end

return time
