-- Posts notifications to a URL as JSON: the twin of plugins/output/webhook.
--
--   POST <url>
--   Idempotency-Key: dlv_...         the same on every attempt, so that a receiver can drop repeats
--   Tocsin-Attempt: 1
--
--   {"id":"ntf_...","delivery_id":"dlv_...", and the notification's own fields}

return {
  name = "webhook",
  kind = "output",
  version = "0.1.0",
  doc = "Posts notifications to a URL as JSON.",
  options = {
    {
      key = "url",
      doc = "Where to post, such as http://example.com/hook; https:// is not possible yet.",
      required = true,
      min = 8,
      max = 2048,
    },
    {
      key = "headers",
      type = "map",
      doc = "Further request headers, as an Authorization.",
      default = "{}",
      reloadable = true,
      max = 32,
      element = {doc = "The value of a request header.", secret = true, max = 8192},
    },
  },

  create = function(cfg)
    if not cfg.url:find("^http://[^/:]") then return nil, "a URL begins with http://", "url" end

    local function deliver(attempt)
      local headers = {
        ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = attempt.id,
        ["Tocsin-Attempt"] = attempt.number,
      }
      for name, value in pairs(cfg.headers) do headers[name] = value end
      -- The payload is one JSON object; the ids go in front of its first field.
      local ids = '{"id":"' .. attempt.notification_id .. '","delivery_id":"' .. attempt.id .. '",'
      return tocsin.http.verdict(tocsin.http.request {
        method = "POST",
        url = cfg.url,
        headers = headers,
        body = ids .. attempt.payload:sub(2),
        idempotent = true,
      })
    end

    return {
      deliver = deliver,
      reconfigure = function(other) cfg = other end,
      traits = {idempotent = true},
    }
  end,
}
