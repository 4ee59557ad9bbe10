// kv: the verbs of policy::SharedTable, which all loops share. Keys of one instance never meet
// those of another. Times to live are in milliseconds.

#include <algorithm>
#include <chrono>

#include "gateway/script/host.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

using policy::SharedTable;

constexpr std::int64_t kInstructionsACall = 64;
constexpr lua_Integer kLongestMs = 366LL * 24 * 3600 * 1000;

const char* outcome_name(SharedTable::Outcome outcome) {
  constexpr const char* kNames[] = {"done", "present", "full", "too_large"};
  return kNames[static_cast<int>(outcome)];
}

struct Keyed {
  SharedTable& table;
  std::string key;
  MonoTime now;
};

Keyed keyed(lua_State* lua) {
  State::of(lua).charge(lua, kInstructionsACall);
  const Host& host = Host::of(lua);
  SharedTable& table = host.table(lua);
  return {table, host.shared_key(lua, checked_text(lua, 1)), host.environment(lua).loop.now()};
}

Duration time_to_live(lua_State* lua, int index) {
  const lua_Integer ms = luaL_checkinteger(lua, index);
  luaL_argcheck(lua, ms >= 0, index, "a time to live is not negative");
  return std::chrono::milliseconds(std::min(ms, kLongestMs));
}

// kv.get(key) -> value or nil
int get(lua_State* lua) {
  const Keyed at = keyed(lua);
  const std::optional<std::string> value = at.table.get(at.key, at.now);
  if (!value) return lua_pushnil(lua), 1;
  push_text(lua, *value);
  return 1;
}

// kv.put(key, value, ttl_ms) -> true, or false and why
int put(lua_State* lua) {
  const Keyed at = keyed(lua);
  const auto outcome = at.table.put(at.key, checked_text(lua, 2), at.now, time_to_live(lua, 3));
  lua_pushboolean(lua, outcome == SharedTable::Outcome::kDone ? 1 : 0);
  lua_pushstring(lua, outcome_name(outcome));
  return 2;
}

// kv.incr(key, by, ttl_ms) -> the sum, or nil when there is no room
int incr(lua_State* lua) {
  const Keyed at = keyed(lua);
  const std::optional<std::int64_t> sum =
      at.table.incr(at.key, luaL_checkinteger(lua, 2), at.now, time_to_live(lua, 3));
  if (!sum) return lua_pushnil(lua), 1;
  lua_pushinteger(lua, *sum);
  return 1;
}

// kv.add_if_absent(key, value) -> {outcome=, token=, value=, confirmed=}
int add_if_absent(lua_State* lua) {
  const Keyed at = keyed(lua);
  const auto made = at.table.add_if_absent(
      at.key, lua_isnoneornil(lua, 2) ? std::string_view() : checked_text(lua, 2), at.now);
  lua_createtable(lua, 0, 3);
  lua_pushstring(lua, outcome_name(made.outcome));
  lua_setfield(lua, -2, "outcome");
  if (made.outcome == SharedTable::Outcome::kDone) {
    lua_pushinteger(lua, static_cast<lua_Integer>(made.token));
    lua_setfield(lua, -2, "token");
  } else if (made.outcome == SharedTable::Outcome::kPresent) {
    push_text(lua, made.value);
    lua_setfield(lua, -2, "value");
    lua_pushboolean(lua, made.confirmed ? 1 : 0);
    lua_setfield(lua, -2, "confirmed");
  }
  return 1;
}

// kv.confirm(key, token, ttl_ms) -> whether the reservation still stood
int confirm(lua_State* lua) {
  const Keyed at = keyed(lua);
  const auto token = static_cast<std::uint64_t>(luaL_checkinteger(lua, 2));
  lua_pushboolean(lua, at.table.confirm(at.key, token, at.now, time_to_live(lua, 3)) ? 1 : 0);
  return 1;
}

// kv.undo(key, token) -> whether the reservation still stood
int undo(lua_State* lua) {
  const Keyed at = keyed(lua);
  const auto token = static_cast<std::uint64_t>(luaL_checkinteger(lua, 2));
  lua_pushboolean(lua, at.table.undo(at.key, token, at.now) ? 1 : 0);
  return 1;
}

}  // namespace

void push_kv_library(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {
      {"get", get},         {"put", put},   {"incr", incr},    {"add_if_absent", add_if_absent},
      {"confirm", confirm}, {"undo", undo}, {nullptr, nullptr}};
  luaL_newlib(lua, kFunctions);
}

}  // namespace tocsin::script
