-- Drops what can wait while nobody works.
--
--   filters: [{type: working_hours, least: error, from: 7, to: 22}]

local LEVELS = {"trace", "debug", "info", "notice", "warning", "error", "critical", "emergency"}

local time = require "tocsin.time"

return {
  name = "working_hours",
  kind = "filter",
  version = "0.1.0",
  doc = "Drops what can wait while nobody works.",
  options = {
    {key = "least", type = "choice", choices = LEVELS, default = "critical",
     doc = "What passes at any time: this level and above."},
    {key = "from", type = "integer", default = 8, min = 0, max = 23, doc = "The first hour, in UTC."},
    {key = "to", type = "integer", default = 18, min = 1, max = 24, doc = "The hour after the last."},
  },

  create = function(cfg)
    if cfg.from >= cfg.to then return nil, "the day ends before it begins", "to" end
    local least = 7
    for rank, name in ipairs(LEVELS) do
      if name == cfg.least then least = rank - 1 end
    end

    return {
      on_message = function(notification)
        if notification.rank >= least then return "pass" end
        local hour = time.clock(tocsin.now()).hour
        return hour >= cfg.from and hour < cfg.to and "pass" or "drop"
      end,
    }
  end,
}
