-- Sends what belongs to a team to the team's own output, at once by day or when it matters, else in
-- the morning.
--
--   routes:
--     - {script: lua/route_by_team.lua}
--     - {outputs: [archive]}            # whatever has no team

local CHAT_OF = {payments = "payments-chat", search = "search-chat"}

local time = require "tocsin.time"

-- Milliseconds until seven o'clock UTC, or nothing during the day.
local function until_morning()
  local now = tocsin.now()
  if time.within(now, "07:00", "22:00") then return nil end
  return time.until_clock(now, "07:00")
end

function route(notification)
  local chat = CHAT_OF[notification.labels.team]
  if chat == nil then return nil end
  if notification.rank >= 5 then -- error and above
    return {outputs = {chat, "oncall"}, priority = "critical", continue = true}
  end
  return {outputs = {chat}, delay = until_morning(), continue = true}
end
