-- Texts as people and receivers see them: cut where they may be, on one line, escaped.
--
--   local text = require "tocsin.text"
--   message = text.cut(notification.body, 160)
--
-- A text may hold bytes that are no UTF-8; each counts as one character, and none is ever made by
-- cutting another in two.

---@class tocsin.text
local text = {}

local function continues(byte) return byte ~= nil and byte >= 0x80 and byte <= 0xBF end

-- The place behind the character at `at`. By bytes, because utf8 functions cost what the whole text
-- is long.
local function after(subject, at)
  local lead, second, third, fourth = subject:byte(at, at + 3)
  if lead < 0xC2 or lead > 0xF4 or not continues(second) then return at + 1 end
  if lead < 0xE0 then return at + 2 end
  -- No longer forms of shorter ones, no surrogates, nothing beyond U+10FFFF.
  if (lead == 0xE0 and second < 0xA0) or (lead == 0xED and second > 0x9F)
      or (lead == 0xF0 and second < 0x90) or (lead == 0xF4 and second > 0x8F)
      or not continues(third) then
    return at + 1
  end
  if lead < 0xF0 then return at + 3 end
  return continues(fourth) and at + 4 or at + 1
end

-- The place behind the first `count` characters, and how many there are before the end.
local function place(subject, count)
  local at, passed = 1, 0
  while passed < count and at <= #subject do
    -- Runs of ASCII, which most texts are, in one step.
    local _, stop = subject:find("^[\0-\127]+", at)
    if stop ~= nil then
      local step = math.min(stop - at + 1, count - passed)
      at, passed = at + step, passed + step
    else
      at, passed = after(subject, at), passed + 1
    end
  end
  return at, passed
end

---How many characters (code points) a text has.
---@param subject string
---@return integer
function text.length(subject)
  local count = utf8.len(subject)
  if count ~= nil then return count end
  local _, passed = place(subject, #subject)
  return passed
end

---The text if it has at most so many characters, else its beginning and the mark, together as many.
---@param subject string
---@param most integer
---@param mark? string "..." by default
---@return string
function text.cut(subject, most, mark)
  if #subject <= most then return subject end
  local stop, passed = place(subject, most + 1)
  if passed <= most then return subject end
  mark = mark or "..."
  local room = most - text.length(mark)
  if room < 0 then return subject:sub(1, (place(subject, most)) - 1) end
  stop = place(subject, room)
  return subject:sub(1, stop - 1) .. mark
end

---The same for receivers that count bytes; never half a character.
---@param subject string
---@param most integer bytes
---@param mark? string "..." by default
---@return string
function text.cut_bytes(subject, most, mark)
  if #subject <= most then return subject end
  mark = mark or "..."
  if #mark > most then mark = "" end
  local room = most - #mark
  -- Back to where a character begins, if the one that is cut is whole.
  local stop = room + 1
  for back = 0, 3 do
    local begin = room + 1 - back
    if begin < 1 then break end
    local byte = subject:byte(begin)
    if byte < 0x80 or byte >= 0xC0 then
      if after(subject, begin) > room + 1 then stop = begin end
      break
    end
  end
  return subject:sub(1, stop - 1) .. mark
end

---Without white space at both ends.
---@param subject string
---@return string
function text.trim(subject)
  local first = subject:find("%S")
  if first == nil then return "" end
  local last = #subject
  while subject:find("^%s", last) do last = last - 1 end
  return subject:sub(first, last)
end

---On one line: line ends, tabs and control characters become a space, several one.
---@param subject string
---@return string
function text.one_line(subject)
  return text.trim((subject:gsub("[%s%c]+", " ")))
end

---The lines of a text, without their ends.
---@param subject string
---@param most? integer so many at most; the last one is then "..."
---@return string[]
function text.lines(subject, most)
  local lines = {}
  local at = 1
  while at <= #subject do
    if most ~= nil and #lines == most then
      lines[most] = "..."
      break
    end
    local stop = subject:find("\n", at, true) or #subject + 1
    lines[#lines + 1] = subject:sub(at, stop - (subject:byte(stop - 1) == 13 and stop > at and 2 or 1))
    at = stop + 1
  end
  return lines
end

---Whether a text begins with another, taken as it is.
---@param subject string
---@param beginning string
---@return boolean
function text.begins(subject, beginning)
  return subject:sub(1, #beginning) == beginning
end

---Whether a text ends with another, taken as it is.
---@param subject string
---@param ending string
---@return boolean
function text.ends(subject, ending)
  return ending == "" or subject:sub(-#ending) == ending
end

local HTML = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;"}

---For HTML, as text and in quoted attributes.
---@param subject string
---@return string
function text.html(subject)
  return (subject:gsub("[&<>\"']", HTML))
end

---For a part of a URL: everything but letters, digits, "-", ".", "_" and "~".
---@param subject string
---@return string
function text.url(subject)
  return (subject:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

return text
