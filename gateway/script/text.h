#pragma once

#include <lauxlib.h>
#include <lua.h>

#include <string>
#include <string_view>

// Texts to and from a state. For .cc files of this room: it includes lua.h.

namespace tocsin::script {

inline void push_text(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
}

/// A string or a number; lives as long as the value stands at `index`. Raises for others.
inline std::string_view checked_text(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, index, &length);
  return {text, length};
}

/// Of a value that is known to be a string or a number. A number becomes a string in place.
inline std::string_view text_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

inline std::string popped_text(lua_State* lua) {
  std::string text(text_at(lua, -1));
  lua_pop(lua, 1);
  return text;
}

}  // namespace tocsin::script
