-- Labels: the names and values that a notification carries.
--
--   local labels = require "tocsin.labels"
--   if labels.match(notification.labels, {team = "pay*", env = {"prod", "stage"}}) then ... end

---@class tocsin.labels
local labels = {}

-- Where `pattern`, whose only wild card is *, ends its match of `text`: leftmost pieces suffice.
local function glob(text, pattern)
  local star = pattern:find("*", 1, true)
  if star == nil then return text == pattern end
  if text:sub(1, star - 1) ~= pattern:sub(1, star - 1) then return false end
  local at = star
  local from = star + 1
  while true do
    local next_star = pattern:find("*", from, true)
    local piece = pattern:sub(from, next_star and next_star - 1)
    if next_star == nil then
      return #text - #piece + 1 >= at and text:sub(#text - #piece + 1) == piece
    end
    local _, stop = text:find(piece, at, true)
    if stop == nil then return false end
    at, from = stop + 1, next_star + 1
  end
end

---Whether all of the wanted labels are there.
---@param have table<string, string>
---@param wanted table<string, string|string[]> by name: a value, in which * stands for any text, or a list of them
---@return boolean
function labels.match(have, wanted)
  for name, patterns in pairs(wanted) do
    local value = have[name]
    if value == nil then return false end
    local found = false
    for _, pattern in ipairs(type(patterns) == "table" and patterns or {patterns}) do
      found = found or glob(value, pattern)
    end
    if not found then return false end
  end
  return true
end

---The names in their order, to walk over labels the same way each time.
---@param have table<string, string>
---@return string[]
function labels.names(have)
  local names = {}
  for name in pairs(have) do names[#names + 1] = name end
  table.sort(names)
  return names
end

---All labels as a text: "env=prod, team=payments".
---@param have table<string, string>
---@param between? string ", "
---@param is? string "="
---@return string
function labels.text(have, between, is)
  local parts = {}
  for _, name in ipairs(labels.names(have)) do parts[#parts + 1] = name .. (is or "=") .. have[name] end
  return table.concat(parts, between or ", ")
end

---Those of the labels that are named, as a table of its own.
---@param have table<string, string>
---@param names string[]
---@return table<string, string>
function labels.pick(have, names)
  local picked = {}
  for _, name in ipairs(names) do picked[name] = have[name] end
  return picked
end

---The first of these labels that is there.
---@param have table<string, string>
---@param names string[]
---@return string? value
---@return string? name
function labels.first(have, names)
  for _, name in ipairs(names) do
    if have[name] ~= nil then return have[name], name end
  end
  return nil
end

return labels
