#pragma once

#include <string>

struct lua_State;
using lua_CFunction = int (*)(lua_State* lua);

namespace tocsin::script {

/// Gives the state what every script may use: Lua's base, coroutine, table, string, math and utf8
/// functions, but for those that reach files, other code (load, require, dofile), debugging, the
/// collector, or that would run with the limits off. What C code of Lua's would do without an end
/// is ours instead and charges the budget. May raise.
///
///   setmetatable  refuses __gc
///   pcall, xpcall pass a spent limit through; xpcall's handler runs after the stack is unwound
///   coroutine     no close; errors end a coroutine from inside, so that its <close> variables are
///                 closed under the limits
///   string        find, match, gmatch, gsub count their steps (pattern.h); format, pack, unpack
///   and
///                 arithmetic on texts charge for what they read; no dump
///   table         takes tables without __len, whose length can be trusted
void open_sandbox(lua_State* lua);

/// The parts of it in files of their own. Each expects its library's table on top of the stack.
void open_string_library(lua_State* lua);
void open_table_library(lua_State* lua);
void open_utf8_library(lua_State* lua);
void open_coroutine_library(lua_State* lua);

/// Puts `with` in the place of a function of the table on top of the stack; there, call_guarded()
/// goes on to that function.
void guard(lua_State* lua, const char* name, lua_CFunction with);
int call_guarded(lua_State* lua);

/// The error value on top of the stack as text; never runs code of the script's.
std::string error_text(lua_State* lua);

}  // namespace tocsin::script
