-- Addresses: "email:a@b.example", "phone:+15550111", and what they are made of.
--
--   local address = require "tocsin.address"
--   local kind, value = address.parse("email:ops@example.com")

---@class tocsin.address
local address = {}

---Takes an address apart. The value may hold colons of its own.
---@param text string "kind:value"
---@return string? kind nil when it is no address
---@return string? value or why it is none
function address.parse(text)
  local kind, value = text:match("^([a-z][a-z0-9_]*):(.+)$")
  if kind == nil then return nil, "an address is written kind:value" end
  return kind, value
end

---The value of an address of this kind.
---@param text string
---@param kind string
---@return string? value nil when it is of another kind
function address.value(text, kind)
  local is, value = address.parse(text)
  if is == kind then return value end
  return nil
end

---The values of those addresses of a list that are of this kind, each once.
---@param list string[]
---@param kind string
---@return string[]
function address.of_kind(list, kind)
  local values, seen = {}, {}
  for _, text in ipairs(list) do
    local value = address.value(text, kind)
    if value ~= nil and not seen[value] then
      seen[value] = true
      values[#values + 1] = value
    end
  end
  return values
end

---Takes an e-mail address apart as far as mail is routed by it: the domain in lower case.
---@param text string "Ops@Example.com"
---@return string? mailbox nil when it is none
---@return string? domain or why it is none
function address.email(text)
  if #text > 254 then return nil, "the e-mail address is too long" end
  if text:find("[%c%s]") then return nil, "an e-mail address has no spaces" end
  local mailbox, domain = text:match("^(.+)@([^@]+)$")
  if mailbox == nil or #mailbox > 64 then return nil, "an e-mail address is written name@domain" end
  if not domain:find("^[%w%-%.\128-\255]+$") or domain:find("..", 1, true) or domain:find("^[.-]")
      or domain:find("[.-]$") then
    return nil, "the domain of the e-mail address is no host name"
  end
  return mailbox, domain:lower()
end

---A telephone number as E.164 has it, from the ways in which people write one with its country.
---@param text string "+1 (555) 01-11", "0044 20 7946 0018"
---@return string? number "+15550111", or nil
---@return string? why not
function address.phone(text)
  local digits = text:gsub("[%s%-%./()]", "")
  digits = digits:gsub("^00", "+")
  if digits:find("^%+[1-9]%d+$") and #digits >= 8 and #digits <= 16 then return digits end
  return nil, "a telephone number is written with its country, such as +15550111"
end

---What of an address may stand in a log: its kind and enough to tell it from others.
---@param text string "email:somebody@example.com"
---@return string "email:s***@example.com"
function address.masked(text)
  local kind, value = address.parse(text)
  if kind == nil then return "***" end
  local first = value:match("^" .. utf8.charpattern)
  if kind == "email" then
    local _, domain = address.email(value)
    return kind .. ":" .. (first or "") .. "***@" .. (domain or "***")
  end
  if #value <= 6 then return kind .. ":***" end
  return kind .. ":" .. value:sub(1, 2) .. "***" .. value:sub(-2)
end

return address
