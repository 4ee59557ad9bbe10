-- Lets through what matters enough: the twin of plugins/filter/level.
--
--   filters: [{type: level, min: warning}]

local LEVELS = {"trace", "debug", "info", "notice", "warning", "error", "critical", "emergency"}

local rank_of = {}
for rank, name in ipairs(LEVELS) do rank_of[name] = rank - 1 end

return {
  name = "level",
  kind = "filter",
  version = "0.1.0",
  doc = "Drops what matters less than a level.",
  scalar_key = "min",
  options = {
    {
      key = "min",
      type = "choice",
      doc = "The least important level that passes.",
      required = true,
      reloadable = true,
      choices = LEVELS,
    },
  },

  create = function(cfg)
    local least = rank_of[cfg.min]
    return {
      on_message = function(notification)
        return notification.rank < least and "drop" or "pass"
      end,
      reconfigure = function(other)
        least = rank_of[other.min]
      end,
    }
  end,
}
