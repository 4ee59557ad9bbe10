// Lua's table and utf8 functions loop in C as often as lengths and positions say. Each here first
// charges for as much, from a length that the script cannot make up: only tables without __len.

#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <bit>

#include "gateway/script/sandbox.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

// Elements that Lua's C code handles in the time of one instruction.
constexpr lua_Integer kElementsAnInstruction = 4;
constexpr std::size_t kBytesAnInstruction = 16;

lua_Integer trusted_length(lua_State* lua, int index) {
  luaL_checktype(lua, index, LUA_TTABLE);
  if (luaL_getmetafield(lua, index, "__len") != LUA_TNIL) {
    luaL_argerror(lua, index, "a table with __len is not taken here");
  }
  return static_cast<lua_Integer>(lua_rawlen(lua, index));
}

int insert(lua_State* lua) {
  const lua_Integer length = trusted_length(lua, 1);
  const bool shifts = lua_gettop(lua) > 2;
  if (shifts) State::of(lua).charge(lua, length / kElementsAnInstruction);
  return call_guarded(lua);
}

int remove(lua_State* lua) {
  const lua_Integer length = trusted_length(lua, 1);
  const bool shifts = lua_gettop(lua) > 1;
  if (shifts) State::of(lua).charge(lua, length / kElementsAnInstruction);
  return call_guarded(lua);
}

int sort(lua_State* lua) {
  const auto length = static_cast<std::uint64_t>(trusted_length(lua, 1));
  State::of(lua).charge(
      lua, static_cast<std::int64_t>(length * std::bit_width(length)) / kElementsAnInstruction);
  return call_guarded(lua);
}

// How many numbers lie from the argument `first` to the argument `last`; above every budget when
// that overflows.
std::int64_t range(lua_Integer first, lua_Integer last) {
  if (last < first) return 0;
  const auto many = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  return static_cast<std::int64_t>(std::min<std::uint64_t>(many, INT64_MAX));
}

int move(lua_State* lua) {
  State::of(lua).charge(
      lua, range(luaL_checkinteger(lua, 2), luaL_checkinteger(lua, 3)) / kElementsAnInstruction);
  return call_guarded(lua);
}

int concat(lua_State* lua) {
  const lua_Integer length = trusted_length(lua, 1);
  const lua_Integer last = luaL_optinteger(lua, 4, length);
  State::of(lua).charge(lua, range(luaL_optinteger(lua, 3, 1), last) / kElementsAnInstruction);
  return call_guarded(lua);
}

int unpack(lua_State* lua) {
  const lua_Integer length = trusted_length(lua, 1);
  const lua_Integer last = luaL_optinteger(lua, 3, length);
  State::of(lua).charge(lua, range(luaL_optinteger(lua, 2, 1), last) / kElementsAnInstruction);
  return call_guarded(lua);
}

int charged_for_text(lua_State* lua) {
  std::size_t length = 0;
  luaL_checklstring(lua, 1, &length);
  State::of(lua).charge(lua, static_cast<std::int64_t>(length / kBytesAnInstruction));
  return call_guarded(lua);
}

}  // namespace

void open_table_library(lua_State* lua) {
  guard(lua, "insert", insert);
  guard(lua, "remove", remove);
  guard(lua, "sort", sort);
  guard(lua, "move", move);
  guard(lua, "concat", concat);
  guard(lua, "unpack", unpack);
}

void open_utf8_library(lua_State* lua) {
  guard(lua, "len", charged_for_text);
  guard(lua, "codepoint", charged_for_text);
  guard(lua, "offset", charged_for_text);
}

}  // namespace tocsin::script
