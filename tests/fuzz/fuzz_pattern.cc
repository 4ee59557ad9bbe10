// Input: a pattern, a line break, a subject. Where a script stays within its limits, its string
// functions must answer as Lua's own do: the same results, or an error in both.
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/assert.h"
#include "gateway/base/clock.h"
#include "gateway/script/state.h"

namespace {

using tocsin::script::Spent;
using tocsin::script::State;

// Lua's own matcher does in C what ours counts, and must not take for ever where ours did not.
constexpr std::int64_t kInstructions = 50'000;
constexpr std::size_t kPatternBytesMax = 64;
constexpr std::size_t kSubjectBytesMax = 256;

// All that depends on the matcher, as one text.
constexpr std::string_view kAsk = R"(
local subject, pattern = ...
local said = {}
local function say(...)
  for i = 1, select("#", ...) do said[#said + 1] = tostring((select(i, ...))) end
  said[#said + 1] = ";"
end
for init = -2, 2 do say(string.find(subject, pattern, init)) end
say(string.match(subject, pattern))
say(string.gsub(subject, pattern, "<%0>"))
say(string.gsub(subject, pattern, {a = "A", b = false}, 3))
for first, second in string.gmatch(subject, pattern) do say(first, second) end
return table.concat(said, ","))";

int load_ask(lua_State* lua) {
  if (luaL_loadbufferx(lua, kAsk.data(), kAsk.size(), "=ask", "t") != LUA_OK) lua_error(lua);
  lua_setfield(lua, LUA_REGISTRYINDEX, "ask");
  return 0;
}

struct Answer {
  bool is_error = false;
  std::string text;
};

Answer ask(lua_State* lua, std::string_view subject, std::string_view pattern) {
  lua_settop(lua, 0);
  lua_getfield(lua, LUA_REGISTRYINDEX, "ask");
  lua_pushlstring(lua, subject.data(), subject.size());
  lua_pushlstring(lua, pattern.data(), pattern.size());
  Answer answer;
  answer.is_error = lua_pcall(lua, 2, 1, 0) != LUA_OK;
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, -1, &length);
  if (text != nullptr) answer.text.assign(text, length);
  lua_settop(lua, 0);
  return answer;
}

struct Pair {
  Pair() : own(*State::create({}, tocsin::SystemClock::instance())), lua(luaL_newstate()) {
    luaL_openlibs(lua);
    load_ask(lua);
    std::string failure;
    const bool is_loaded = own->run_protected(load_ask, nullptr, failure);
    TOCSIN_ASSERT(is_loaded, "the question does not fit into a sandbox");
  }
  ~Pair() { lua_close(lua); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  std::unique_ptr<State> own;
  lua_State* lua;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Pair states;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view pattern = input.substr(0, line);
  const std::string_view subject = input.substr(line + 1);
  if (pattern.size() > kPatternBytesMax || subject.size() > kSubjectBytesMax) return 0;

  states.own->enter(kInstructions);
  const Answer ours = ask(states.own->main(), subject, pattern);
  if (states.own->leave().spent != Spent::kNothing) {
    TOCSIN_ASSERT(ours.is_error, "a spent limit was no error");
    states.own->watch(states.own->main());
    return 0;
  }
  if (ours.text.find("too complex") != std::string::npos) return 0;
  const Answer theirs = ask(states.lua, subject, pattern);
  TOCSIN_ASSERT(ours.is_error == theirs.is_error, "one of the two is an error");
  TOCSIN_ASSERT(ours.is_error || ours.text == theirs.text, "the answers differ");
  return 0;
}
