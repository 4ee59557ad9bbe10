-- Sends what belongs to a team to the team's own output, at once by day or when it matters, else in
-- the morning.
--
--   routes:
--     - {script: lua/route_by_team.lua}
--     - {outputs: [archive]}            # whatever has no team

local CHAT_OF = {payments = "payments-chat", search = "search-chat"}

local HOUR = 3600 * 1000
local DAY = 24 * HOUR

-- Milliseconds until seven o'clock UTC, or nothing during the day.
local function until_morning()
  local since_midnight = tocsin.now() % DAY
  if since_midnight >= 7 * HOUR and since_midnight < 22 * HOUR then return nil end
  return (7 * HOUR - since_midnight) % DAY
end

function route(notification)
  local chat = CHAT_OF[notification.labels.team]
  if chat == nil then return nil end
  if notification.rank >= 5 then -- error and above
    return {outputs = {chat, "oncall"}, priority = "critical", continue = true}
  end
  return {outputs = {chat}, delay = until_morning(), continue = true}
end
