-- Posts notifications to the incoming webhook of a chat: Mattermost, Rocket.Chat, Slack and others
-- take {"text": "..."}.
--
--   outputs:
--     ops-chat: {type: chat_webhook, url: "http://chat.internal/hooks/abc", channel: "#ops"}
--
-- What the answer means is the gateway's to say (2xx delivered, Retry-After honoured, ...), the same
-- for every output that speaks HTTP.

local verdict = require "tocsin.verdict"
local web = require "tocsin.web"

local MARKS = {
  warning = ":warning: ",
  error = ":x: ",
  critical = ":rotating_light: ",
  emergency = ":rotating_light: ",
}

return {
  name = "chat_webhook",
  kind = "output",
  version = "0.1.0",
  doc = "Posts notifications to the incoming webhook of a chat.",
  options = {
    {
      key = "url",
      doc = "The webhook's address, which is a secret.",
      required = true,
      secret = true,
      min = 8,
      max = 2048,
    },
    {
      key = "text",
      doc = "What to write, as a template.",
      default = "*{{title}}*\n{{body}}",
      reloadable = true,
      min = 1,
      max = 8192,
    },
    {key = "channel", doc = "Another channel than the webhook's own.", reloadable = true, max = 128},
    {key = "username", doc = "The name to write under.", reloadable = true, max = 128},
  },

  create = function(cfg)
    local text_of = tocsin.template(cfg.text)

    local function reconfigure(other)
      cfg, text_of = other, tocsin.template(other.text)
    end

    local function deliver(attempt)
      local notification = attempt.notification
      local message = {
        text = (MARKS[notification.level] or "") .. text_of(notification),
        channel = cfg.channel,
        username = cfg.username,
      }
      return verdict.of_answer(web.post_json(cfg.url, message))
    end

    return {deliver = deliver, reconfigure = reconfigure}
  end,
}
