-- Drops what was heard within a window: the twin of plugins/filter/dedup.
--
--   filters: [{type: dedup, key: "{{topic}}:{{labels.host}}", window: 5m}]
--
-- In two steps, so that nothing is lost: the key is reserved when a notification comes and becomes a
-- mark only when the notification is durable. One that could not be stored frees its key, and its
-- sender's next try passes. A notification that is sent again under its own identity (an idempotency
-- key) is no duplicate of itself: the store answers it.

local KEY_BYTES_MAX = 768
local IDENTITY_BYTES_MAX = 128

return {
  name = "dedup",
  kind = "filter",
  version = "0.1.0",
  doc = "Drops what was heard within a window.",
  options = {
    {
      key = "key",
      doc = "What makes two notifications the same, such as {{topic}}:{{labels.host}}.",
      default = "{{topic}}:{{title}}:{{key}}",
      reloadable = true,
      min = 1,
      max = 4096,
    },
    {
      key = "window",
      type = "duration",
      doc = "How long after one was let through others like it are dropped.",
      default = "5m",
      reloadable = true,
      min = "1s",
      max = "7d",
    },
  },

  create = function(cfg)
    local key_of = tocsin.template(cfg.key)
    local reserved = {} -- keys, by their reservations

    local function on_message(notification)
      local key = key_of(notification)
      -- Cut, it would be the same as others that begin so, and those would be lost.
      if #key > KEY_BYTES_MAX then key = key:sub(1, KEY_BYTES_MAX - 32) .. tocsin.digest(key) end
      local identity = notification.identity:sub(1, IDENTITY_BYTES_MAX)
      local mark = tocsin.kv.add_if_absent(key, identity)
      if mark.outcome == "present" then
        local itself = identity ~= "" and mark.value == identity
        return itself and "pass" or "drop"
      end
      -- Without room for the key everything passes: a repeat is better than a loss.
      if mark.outcome ~= "done" then return "pass" end
      reserved[mark.token] = key
      return "pass", mark.token
    end

    local function on_outcome(token, committed)
      local key = reserved[token]
      reserved[token] = nil
      if key == nil then return end
      if committed then
        tocsin.kv.confirm(key, token, cfg.window)
      else
        tocsin.kv.undo(key, token)
      end
    end

    -- What is remembered and reserved stays.
    local function reconfigure(other)
      cfg, key_of = other, tocsin.template(other.key)
    end

    return {on_message = on_message, on_outcome = on_outcome, reconfigure = reconfigure}
  end,
}
