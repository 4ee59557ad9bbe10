// Coroutines of a script. Lua's own would, when one ends with an error, run its <close> variables
// with the hook still off; these run their function under a call of their own that catches the
// error inside the coroutine, so none ever dies from it. A spent limit goes through to whoever
// resumed.

#include <lauxlib.h>
#include <lua.h>

#include "gateway/script/sandbox.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

// A yield unwinds the stack: a resume and its yield take as long as so many instructions.
constexpr std::int64_t kInstructionsAResume = 300;

int finish_body(lua_State* lua, int status, lua_KContext /*context*/) {
  const bool fine = status == LUA_OK || status == LUA_YIELD;
  if (!fine) lua_insert(lua, 1), lua_settop(lua, 1);
  lua_pushboolean(lua, fine ? 1 : 0);
  lua_insert(lua, 1);
  return lua_gettop(lua);
}

// The function, arguments ... becomes true, results ... or false, the error
int body(lua_State* lua) {
  const int status = lua_pcallk(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0, 0, finish_body);
  return finish_body(lua, status, 0);
}

lua_State* coroutine_at(lua_State* lua, int index) {
  lua_State* coroutine = lua_tothread(lua, index);
  luaL_argexpected(lua, coroutine != nullptr, index, "coroutine");
  return coroutine;
}

int create(lua_State* lua) {
  State::of(lua).check(lua);
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  lua_State* coroutine = lua_newthread(lua);
  lua_pushcfunction(coroutine, body);
  lua_pushvalue(lua, 1);
  lua_xmove(lua, coroutine, 1);
  return 1;
}

enum class Status { kRunning, kDead, kSuspended, kNormal };

Status status_of(lua_State* lua, lua_State* coroutine) {
  if (lua == coroutine) return Status::kRunning;
  switch (lua_status(coroutine)) {
    case LUA_YIELD:
      return Status::kSuspended;
    case LUA_OK: {
      lua_Debug frame;
      if (lua_getstack(coroutine, 0, &frame) != 0) return Status::kNormal;
      return lua_gettop(coroutine) == 0 ? Status::kDead : Status::kSuspended;
    }
    default:
      return Status::kDead;
  }
}

const char* name_of(Status status) {
  constexpr const char* kNames[] = {"running", "dead", "suspended", "normal"};
  return kNames[static_cast<int>(status)];
}

// Pushes true and what it yielded or returned, or false and its error; how many that are.
int resume_coroutine(lua_State* lua, lua_State* coroutine, int arguments) {
  State& state = State::of(lua);
  state.charge(lua, kInstructionsAResume);
  const Status status = status_of(lua, coroutine);
  if (status != Status::kSuspended || coroutine == state.host_thread()) {
    lua_pushboolean(lua, 0);
    lua_pushfstring(lua, "cannot resume %s coroutine", name_of(status));
    return 2;
  }
  if (lua_checkstack(coroutine, arguments) == 0) luaL_error(lua, "too many arguments to resume");
  const bool is_new = lua_status(coroutine) == LUA_OK;
  lua_xmove(lua, coroutine, arguments);
  int results = 0;
  const int end = lua_resume(coroutine, lua, arguments + (is_new ? 1 : 0), &results);
  state.check(lua);
  if (end != LUA_OK && end != LUA_YIELD) {  // from outside of body(): no room to begin it
    lua_pushboolean(lua, 0);
    lua_xmove(coroutine, lua, 1);
    return 2;
  }
  if (lua_checkstack(lua, results + 1) == 0) luaL_error(lua, "too many results to resume");
  if (end == LUA_YIELD) lua_pushboolean(lua, 1);
  lua_xmove(coroutine, lua, results);
  return end == LUA_YIELD ? results + 1 : results;
}

int resume(lua_State* lua) {
  lua_State* coroutine = coroutine_at(lua, 1);
  return resume_coroutine(lua, coroutine, lua_gettop(lua) - 1);
}

int call_wrapped(lua_State* lua) {
  lua_State* coroutine = lua_tothread(lua, lua_upvalueindex(1));
  const int results = resume_coroutine(lua, coroutine, lua_gettop(lua));
  if (lua_toboolean(lua, -results) == 0) return lua_error(lua);
  return results - 1;
}

int wrap(lua_State* lua) {
  create(lua);
  lua_pushcclosure(lua, call_wrapped, 1);
  return 1;
}

int yield(lua_State* lua) {
  if (lua == State::of(lua).host_thread()) {
    return luaL_error(lua, "attempt to yield from outside a coroutine");
  }
  return lua_yield(lua, lua_gettop(lua));
}

int status(lua_State* lua) {
  lua_pushstring(lua, name_of(status_of(lua, coroutine_at(lua, 1))));
  return 1;
}

int running(lua_State* lua) {
  const bool is_main = lua_pushthread(lua) == 1 || lua == State::of(lua).host_thread();
  lua_pushboolean(lua, is_main ? 1 : 0);
  return 2;
}

int is_yieldable(lua_State* lua) {
  lua_pushboolean(lua, lua != State::of(lua).host_thread() ? lua_isyieldable(lua) : 0);
  return 1;
}

}  // namespace

void open_coroutine_library(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {{"create", create},
                                     {"resume", resume},
                                     {"wrap", wrap},
                                     {"yield", yield},
                                     {"status", status},
                                     {"running", running},
                                     {"isyieldable", is_yieldable},
                                     {nullptr, nullptr}};
  luaL_setfuncs(lua, kFunctions, 0);
  lua_pushnil(lua);
  lua_setfield(lua, -2, "close");
}

}  // namespace tocsin::script
