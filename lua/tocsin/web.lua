-- Requests that outputs make all the time.
--
--   local web = require "tocsin.web"
--   local response, problem = web.post_json(cfg.url, {text = "hello"})

local text = require "tocsin.text"

---@class tocsin.web
local web = {}

---@class tocsin.RequestOptions
---@field headers? table<string, string>
---@field timeout_ms? integer
---@field idempotent? boolean
---@field method? string POST by default

---Posts a value as JSON and waits for the answer.
---@param url string
---@param value any
---@param options? tocsin.RequestOptions
---@return tocsin.Response?
---@return tocsin.Problem?
function web.post_json(url, value, options)
  options = options or {}
  local headers = {["Content-Type"] = "application/json"}
  for name, is in pairs(options.headers or {}) do headers[name] = is end
  return tocsin.http.request {
    method = options.method or "POST",
    url = url,
    headers = headers,
    body = tocsin.json.encode(value),
    timeout_ms = options.timeout_ms,
    idempotent = options.idempotent,
  }
end

---Posts fields as a form and waits for the answer.
---@param url string
---@param fields table<string, any>
---@param options? tocsin.RequestOptions
---@return tocsin.Response?
---@return tocsin.Problem?
function web.post_form(url, fields, options)
  options = options or {}
  local headers = {["Content-Type"] = "application/x-www-form-urlencoded"}
  for name, is in pairs(options.headers or {}) do headers[name] = is end
  return tocsin.http.request {
    method = options.method or "POST",
    url = url,
    headers = headers,
    body = web.query(fields),
    timeout_ms = options.timeout_ms,
    idempotent = options.idempotent,
  }
end

---"a=1&b=x%20y", by name; a list gives its name once for each value.
---@param fields table<string, any>
---@return string
function web.query(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    local values = fields[name]
    for _, value in ipairs(type(values) == "table" and values or {values}) do
      parts[#parts + 1] = text.url(name) .. "=" .. text.url(tostring(value))
    end
  end
  return table.concat(parts, "&")
end

---A URL with more of a path and a query: web.url("http://h/api", {"users", "a b"}, {page = 2}).
---@param base string
---@param path? string[] its segments, escaped here
---@param fields? table<string, any>
---@return string
function web.url(base, path, fields)
  local url = base
  for _, segment in ipairs(path or {}) do
    url = (text.ends(url, "/") and url or url .. "/") .. text.url(segment)
  end
  if fields == nil or next(fields) == nil then return url end
  return url .. (url:find("?", 1, true) and "&" or "?") .. web.query(fields)
end

return web
