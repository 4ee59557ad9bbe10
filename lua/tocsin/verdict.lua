-- What an output says of an attempt. Each function returns the two results that deliver() returns:
--
--   local verdict = require "tocsin.verdict"
--   if token == nil then return verdict.unauthorized("there is no token") end
--   return verdict.of_answer(response, problem, {field = "error.code", codes = {blocked = "target_gone"}})

---@class tocsin.verdict
local verdict = {}

---@param provider_id? string what the provider calls it
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.delivered(provider_id)
  return "delivered", {provider_id = provider_id}
end

---Tried again later; spends an attempt.
---@param reason? string
---@param after_ms? number what the receiver asked for
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.retry(reason, after_ms)
  return "retry", {reason = reason, after_ms = after_ms}
end

---Waits without spending an attempt, and others of that scope with it.
---@param after_ms number
---@param scope? "address"|"output"|"account"
---@param reason? string
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.throttled(after_ms, scope, reason)
  return "throttled", {after_ms = after_ms, scope = scope, reason = reason}
end

---Will never be taken: a dead letter now.
---@param reason string
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.rejected(reason)
  return "rejected", {reason = reason}
end

---Nobody is there any more: a dead letter, and the address is not used again.
---@param reason string
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.target_gone(reason)
  return "target_gone", {reason = reason}
end

---It may have arrived.
---@param reason string
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.ambiguous(reason)
  return "ambiguous", {reason = reason}
end

---The receiver does not let us in.
---@param reason string
---@param scope? "address"|"account"
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.unauthorized(reason, scope)
  return "unauthorized", {reason = reason, scope = scope}
end

---What a JSON answer says at a path such as "error.code".
---@param response tocsin.Response?
---@param path string
---@return any value nil when it says nothing there
function verdict.field(response, path)
  local value = response and tocsin.json.decode(response.body)
  for part in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[part]
  end
  if value == tocsin.json.null then return nil end
  return value
end

---@class tocsin.ProviderCodes
---@field field string where a JSON answer has the provider's own code, such as "error.code"
---@field codes table<string, tocsin.Verdict> what a code means, where that differs from the status
---@field id_field? string where an answer of success has the provider's id

---What an answer means: what it means for every output, but for what the provider's own codes say.
---@param response tocsin.Response?
---@param problem tocsin.Problem?
---@param provider? tocsin.ProviderCodes
---@return tocsin.Verdict
---@return tocsin.VerdictDetail
function verdict.of_answer(response, problem, provider)
  local kind, detail = tocsin.http.verdict(response, problem)
  detail = detail or {}
  if response == nil or provider == nil then return kind, detail end
  if kind == "delivered" and provider.id_field ~= nil then
    local id = verdict.field(response, provider.id_field)
    if id ~= nil then detail.provider_id = tostring(id) end
  end
  local code = verdict.field(response, provider.field)
  if code == nil then return kind, detail end
  local meant = provider.codes[tostring(code)]
  if meant == nil then return kind, detail end
  return meant, {
    reason = "the provider says " .. tostring(code),
    after_ms = detail.after_ms,
    scope = detail.scope,
    provider_id = detail.provider_id,
  }
end

return verdict
