#include "gateway/script/convert.h"

#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/json_reader.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/option.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

// The metatable of tables that are arrays also when they are empty.
constexpr const char* kArrayName = "tocsin.json.array";

void push_null(lua_State* lua) { lua_pushlightuserdata(lua, nullptr); }

void push_text(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
}

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

struct ScalarPusher {
  lua_State* lua;

  void operator()(std::monostate) const { push_null(lua); }
  void operator()(bool value) const { lua_pushboolean(lua, value ? 1 : 0); }
  void operator()(std::int64_t value) const { lua_pushinteger(lua, value); }
  void operator()(double value) const { lua_pushnumber(lua, value); }
  void operator()(const std::string& value) const { push_text(lua, value); }
  void operator()(Duration value) const { lua_pushinteger(lua, milliseconds(value)); }
  void operator()(Value::Size value) const {
    lua_pushinteger(lua, static_cast<lua_Integer>(value.bytes));
  }
  void operator()(const Rate& value) const {
    lua_createtable(lua, 0, 2);
    lua_pushnumber(lua, value.count);
    lua_setfield(lua, -2, "count");
    lua_pushinteger(lua, milliseconds(value.period));
    lua_setfield(lua, -2, "period_ms");
  }
  void operator()(const Value::List&) const {}
  void operator()(const Value::Map&) const {}
};

// ---- encoding

class Encoder {
 public:
  Encoder(lua_State* lua, JsonWriter& json, const std::string& out)
      : lua_(lua), json_(json), out_(out) {}

  // The value on top of the stack, which stays.
  void write(std::size_t depth) {
    State::of(lua_).charge(lua_, 4);
    if (out_.size() > kJsonBytesMax) luaL_error(lua_, "the JSON is larger than 1 MiB");
    switch (lua_type(lua_, -1)) {
      case LUA_TNIL:
        return json_.json("null");
      case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(lua_, -1) == nullptr) return json_.json("null");
        break;
      case LUA_TBOOLEAN:
        return json_.boolean(lua_toboolean(lua_, -1) != 0);
      case LUA_TNUMBER:
        return number();
      case LUA_TSTRING:
        return json_.text(text_at(-1));
      case LUA_TTABLE:
        return table(depth);
      default:
        break;
    }
    luaL_error(lua_, "a %s cannot be JSON", luaL_typename(lua_, -1));
  }

 private:
  std::string_view text_at(int index) {
    std::size_t length = 0;
    const char* text = lua_tolstring(lua_, index, &length);
    return {text, length};
  }

  void number() {
    if (lua_isinteger(lua_, -1) != 0) return json_.number(lua_tointeger(lua_, -1));
    const double value = lua_tonumber(lua_, -1);
    if (!std::isfinite(value)) luaL_error(lua_, "a number that is not finite cannot be JSON");
    std::array<char, 32> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    json_.number_text({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())});
  }

  bool is_array() {
    if (lua_rawlen(lua_, -1) > 0) return true;
    if (lua_getmetatable(lua_, -1) == 0) return false;
    luaL_getmetatable(lua_, kArrayName);
    const bool is_marked = lua_rawequal(lua_, -1, -2) != 0;
    lua_pop(lua_, 2);
    return is_marked;
  }

  void table(std::size_t depth) {
    if (depth >= kJsonDepthMax) luaL_error(lua_, "tables are nested too deep for JSON");
    luaL_checkstack(lua_, 4, nullptr);
    if (is_array()) {
      array(depth);
    } else {
      object(depth);
    }
  }

  void array(std::size_t depth) {
    const auto length = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
    json_.begin_array();
    for (lua_Integer i = 1; i <= length; ++i) {
      lua_rawgeti(lua_, -1, i);
      write(depth + 1);
      lua_pop(lua_, 1);
    }
    json_.end_array();
  }

  // Sorted, because a table's own order changes from one state to the next.
  void object(std::size_t depth) {
    std::vector<std::string_view> names;
    for (lua_pushnil(lua_); lua_next(lua_, -2) != 0; lua_pop(lua_, 1)) {
      State::of(lua_).charge(lua_, 2);
      if (lua_type(lua_, -2) != LUA_TSTRING) {
        luaL_error(lua_, "a table with a key that is a %s cannot be JSON", luaL_typename(lua_, -2));
      }
      names.push_back(text_at(-2));
    }
    std::sort(names.begin(), names.end());
    json_.begin_object();
    for (const std::string_view name : names) {
      json_.key(name);
      push_text(lua_, name);
      lua_rawget(lua_, -2);
      write(depth + 1);
      lua_pop(lua_, 1);
    }
    json_.end_object();
  }

  lua_State* lua_;
  JsonWriter& json_;
  const std::string& out_;
};

int encode(lua_State* lua) {
  luaL_checkany(lua, 1);
  lua_settop(lua, 1);
  std::string out;
  JsonWriter json(out);
  Encoder(lua, json, out).write(0);
  push_text(lua, out);
  return 1;
}

int decode(lua_State* lua) {
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, 1, &length);
  return push_decoded_json(lua, {text, length});
}

int array(lua_State* lua) {
  if (lua_isnoneornil(lua, 1)) {
    lua_settop(lua, 0);
    lua_newtable(lua);
  }
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_getmetatable(lua, kArrayName);
  lua_setmetatable(lua, 1);
  lua_settop(lua, 1);
  return 1;
}

}  // namespace

void push_value(lua_State* lua, const Value& value, bool top) {
  luaL_checkstack(lua, 4, "settings are nested too deep");
  if (value.is<Value::List>()) {
    const auto& items = value.as<Value::List>();
    lua_createtable(lua, static_cast<int>(items.size()), 0);
    for (std::size_t i = 0; i < items.size(); ++i) {
      push_value(lua, items[i]);
      lua_rawseti(lua, -2, static_cast<lua_Integer>(i) + 1);
    }
    luaL_getmetatable(lua, kArrayName);
    lua_setmetatable(lua, -2);
  } else if (value.is<Value::Map>()) {
    lua_newtable(lua);
    for (const Value::Entry& entry : value.as<Value::Map>()) {
      if (top && is_gateway_key(entry.key)) continue;
      push_text(lua, entry.key);
      push_value(lua, entry.value);
      lua_rawset(lua, -3);
    }
  } else {
    std::visit(ScalarPusher{lua}, value.data());
  }
}

int push_decoded_json(lua_State* lua, std::string_view text) {
  State::of(lua).charge(lua, static_cast<std::int64_t>(text.size() / 8));
  if (text.size() > kJsonBytesMax) {
    lua_pushnil(lua);
    lua_pushliteral(lua, "the JSON is larger than 1 MiB");
    return 2;
  }
  const Result<Value> value = read_json(text, {.depth_max = kJsonDepthMax});
  if (!value) {
    lua_pushnil(lua);
    push_text(lua, value.error().what);
    return 2;
  }
  push_value(lua, *value);
  return 1;
}

void push_json_library(lua_State* lua) {
  luaL_newmetatable(lua, kArrayName);
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_pop(lua, 1);
  constexpr luaL_Reg kFunctions[] = {
      {"encode", encode}, {"decode", decode}, {"array", array}, {nullptr, nullptr}};
  luaL_newlib(lua, kFunctions);
  push_null(lua);
  lua_setfield(lua, -2, "null");
}

}  // namespace tocsin::script
