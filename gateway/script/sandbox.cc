#include "gateway/script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <algorithm>

#include "gateway/script/limits.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

// ---- errors

// An error that is caught unwinds the stack: it takes as long as so many instructions.
constexpr std::int64_t kInstructionsACatch = 400;

// What every call does that catches.
void begin_catch(lua_State* lua) {
  State::of(lua).check(lua);
  lua_Debug at;
  if (lua_getstack(lua, kCatchDepthMax, &at) != 0) {
    luaL_error(lua, "errors cannot be caught in more than %d calls", kCatchDepthMax);
  }
}

int finish_pcall(lua_State* lua, int status, lua_KContext /*context*/) {
  if (status != LUA_OK && status != LUA_YIELD) {
    State::of(lua).charge(lua, kInstructionsACatch);
    lua_pushboolean(lua, 0);
    lua_insert(lua, -2);
    return 2;
  }
  return lua_gettop(lua);
}

// true, the function, its arguments ...
int safe_call(lua_State* lua) {
  begin_catch(lua);
  luaL_checkany(lua, 1);
  lua_pushboolean(lua, 1);
  lua_insert(lua, 1);
  const int status = lua_pcallk(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0, 0, finish_pcall);
  return finish_pcall(lua, status, 0);
}

int finish_handler(lua_State* lua, int status, lua_KContext /*context*/) {
  if (status != LUA_OK && status != LUA_YIELD) State::of(lua).charge(lua, kInstructionsACatch);
  lua_pushboolean(lua, 0);
  lua_insert(lua, 2);
  return lua_gettop(lua) - 1;
}

// The handler, true, results ... or, after an error, the handler, true, the error
int finish_xpcall(lua_State* lua, int status, lua_KContext /*context*/) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(lua) - 1;
  State::of(lua).charge(lua, kInstructionsACatch);
  lua_replace(lua, 2);
  lua_settop(lua, 2);
  lua_pushvalue(lua, 1);
  lua_insert(lua, 2);
  const int handled = lua_pcallk(lua, 1, 1, 0, 0, finish_handler);
  return finish_handler(lua, handled, 0);
}

int safe_call_with_handler(lua_State* lua) {
  begin_catch(lua);
  luaL_checktype(lua, 2, LUA_TFUNCTION);
  lua_pushboolean(lua, 1);
  lua_insert(lua, 3);  // function, handler, true, arguments ...
  lua_pushvalue(lua, 1);
  lua_remove(lua, 1);
  lua_insert(lua, 3);  // handler, true, function, arguments ...
  const int status = lua_pcallk(lua, lua_gettop(lua) - 3, LUA_MULTRET, 0, 0, finish_xpcall);
  return finish_xpcall(lua, status, 0);
}

// ---- metatables

// A finalizer would run with the hook off. Lua looks for one here and nowhere else: __gc that is
// put into a metatable later does nothing.
int set_metatable(lua_State* lua) {
  if (lua_type(lua, 2) == LUA_TTABLE) {
    lua_pushliteral(lua, "__gc");
    if (lua_rawget(lua, 2) != LUA_TNIL) return luaL_error(lua, "a metatable must not have __gc");
    lua_pop(lua, 1);
  }
  return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

// ---- numbers that are written as texts

constexpr std::size_t kDigitsAnInstruction = 4;

// tonumber(text), and "1" + "2": a text is read to its end.
int charged_for_digits(lua_State* lua) {
  std::size_t digits = 0;
  for (int i = 1; i <= std::min(lua_gettop(lua), 2); ++i) {
    if (lua_type(lua, i) == LUA_TSTRING) digits += lua_rawlen(lua, i);
  }
  State::of(lua).charge(lua, static_cast<std::int64_t>(digits / kDigitsAnInstruction));
  return call_guarded(lua);
}

// ---- opening

void open_library(lua_State* lua, const char* name, lua_CFunction open) {
  luaL_requiref(lua, name, open, 1);
}

void remove_fields(lua_State* lua, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
}

void open_base(lua_State* lua) {
  open_library(lua, "_G", luaopen_base);
  guard(lua, "tonumber", charged_for_digits);
  remove_fields(lua, {"collectgarbage", "dofile", "load", "loadfile", "print", "warn"});
  lua_pushcfunction(lua, safe_call);
  lua_setfield(lua, -2, "pcall");
  lua_pushcfunction(lua, safe_call_with_handler);
  lua_setfield(lua, -2, "xpcall");
  lua_getfield(lua, -1, "setmetatable");
  lua_pushcclosure(lua, set_metatable, 1);
  lua_setfield(lua, -2, "setmetatable");
  lua_pop(lua, 1);
}

// Strings of all scripts share a metatable: theirs is not to be changed.
void close_string_metatable(lua_State* lua) {
  lua_pushliteral(lua, "");
  if (lua_getmetatable(lua, -1) != 0) {
    for (const char* operation :
         {"__add", "__sub", "__mul", "__mod", "__pow", "__div", "__idiv", "__unm"}) {
      guard(lua, operation, charged_for_digits);
    }
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 1);
  }
  lua_pop(lua, 1);
}

}  // namespace

void guard(lua_State* lua, const char* name, lua_CFunction with) {
  lua_getfield(lua, -1, name);
  lua_pushcclosure(lua, with, 1);
  lua_setfield(lua, -2, name);
}

int call_guarded(lua_State* lua) { return lua_tocfunction(lua, lua_upvalueindex(1))(lua); }

void open_sandbox(lua_State* lua) {
  open_base(lua);
  open_library(lua, LUA_COLIBNAME, luaopen_coroutine);
  open_coroutine_library(lua);
  lua_pop(lua, 1);
  open_library(lua, LUA_TABLIBNAME, luaopen_table);
  open_table_library(lua);
  lua_pop(lua, 1);
  open_library(lua, LUA_STRLIBNAME, luaopen_string);
  open_string_library(lua);
  lua_pop(lua, 1);
  open_library(lua, LUA_MATHLIBNAME, luaopen_math);
  lua_pop(lua, 1);
  open_library(lua, LUA_UTF8LIBNAME, luaopen_utf8);
  open_utf8_library(lua);
  lua_pop(lua, 1);
  close_string_metatable(lua);
}

std::string error_text(lua_State* lua) {
  switch (lua_type(lua, -1)) {
    case LUA_TSTRING: {
      std::size_t length = 0;
      const char* text = lua_tolstring(lua, -1, &length);
      return std::string(text, length);
    }
    case LUA_TNUMBER:
      return std::to_string(lua_tonumberx(lua, -1, nullptr));
    default:
      return std::string("an error that is a ") + lua_typename(lua, lua_type(lua, -1));
  }
}

}  // namespace tocsin::script
