#include "gateway/script/option_reader.h"

#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace tocsin::script {

namespace {

constexpr std::array<std::pair<std::string_view, OptionType>, 14> kTypes = {{
    {"boolean", OptionType::kBoolean},
    {"integer", OptionType::kInteger},
    {"number", OptionType::kNumber},
    {"string", OptionType::kString},
    {"duration", OptionType::kDuration},
    {"size", OptionType::kSize},
    {"rate", OptionType::kRate},
    {"byte_rate", OptionType::kByteRate},
    {"choice", OptionType::kChoice},
    {"address", OptionType::kAddress},
    {"list", OptionType::kList},
    {"map", OptionType::kMap},
    {"table", OptionType::kTable},
    {"any", OptionType::kAny},
}};

constexpr std::array<std::string_view, 13> kFields = {
    "key",      "type",   "doc",        "default", "min",     "max",     "choices",
    "required", "secret", "reloadable", "element", "options", "template"};

[[noreturn]] void wrong(lua_State* lua, const std::string& path, const char* what) {
  luaL_error(lua, "the option %s %s", path.c_str(), what);
  std::abort();  // luaL_error does not return
}

std::string_view string_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

bool flag(lua_State* lua, const char* field) {
  lua_getfield(lua, -1, field);
  const bool is_set = lua_toboolean(lua, -1) != 0;
  lua_pop(lua, 1);
  return is_set;
}

void refuse_unknown_fields(lua_State* lua, const std::string& path) {
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
    const bool is_known =
        lua_type(lua, -2) == LUA_TSTRING &&
        std::find(kFields.begin(), kFields.end(), string_at(lua, -2)) != kFields.end();
    if (is_known) continue;
    if (lua_type(lua, -2) != LUA_TSTRING) wrong(lua, path, "has a field that is no name");
    luaL_error(lua, "the option %s has the unknown field %s", path.c_str(), lua_tostring(lua, -2));
  }
}

}  // namespace

void OptionReader::read(lua_State* lua, std::string_view name, std::string_view doc) {
  if (lua_isnil(lua, -1)) {
    root_ = {.name = keep(name), .doc = keep(doc)};
  } else {
    root_ = *table(lua, name, doc, 0);
  }
  lua_pop(lua, 1);
  for (const Option& option : root_.options) {
    if (!is_gateway_key(option.key)) continue;
    wrong(lua, std::string(option.key), "has a key that belongs to the gateway");
  }
}

void OptionReader::set_scalar_key(std::string_view key) { root_.scalar_key = keep(key); }
void OptionReader::set_exactly_one_of(std::string_view groups) {
  root_.exactly_one_of = keep(groups);
}

// The list on top of the stack, which stays.
const OptionTable* OptionReader::table(lua_State* lua, std::string_view name, std::string_view doc,
                                       int depth) {
  if (!lua_istable(lua, -1)) luaL_error(lua, "options must be a list of tables");
  if (depth >= kDepthMax) luaL_error(lua, "options are nested too deep");
  luaL_checkstack(lua, 8, nullptr);
  const auto length = static_cast<lua_Integer>(lua_rawlen(lua, -1));
  std::vector<Option>& options = options_.emplace_back();
  for (lua_Integer i = 1; i <= length; ++i) {
    lua_rawgeti(lua, -1, i);
    if (!lua_istable(lua, -1)) luaL_error(lua, "options must be a list of tables");
    const std::string_view key = text(lua, "key", "without a key");
    if (key.empty()) luaL_error(lua, "an option has no key");
    const bool is_twice = std::any_of(options.begin(), options.end(),
                                      [key](const Option& one) { return one.key == key; });
    const std::string path =
        depth == 0 ? std::string(key) : std::string(name) + "." + std::string(key);
    if (is_twice) wrong(lua, path, "is there twice");
    Option made = option(lua, path, depth);
    made.key = key;
    options.push_back(made);
    lua_pop(lua, 1);
  }
  tables_.push_back({.name = keep(name), .doc = keep(doc), .options = options});
  return &tables_.back();
}

// The table on top of the stack, which stays.
Option OptionReader::option(lua_State* lua, const std::string& path, int depth) {
  if (++count_ > kOptionsMax) luaL_error(lua, "there are too many options");
  refuse_unknown_fields(lua, path);
  Option option;
  const std::string_view type = text(lua, "type", path);
  if (!type.empty()) {
    const auto known = std::find_if(kTypes.begin(), kTypes.end(),
                                    [type](const auto& one) { return one.first == type; });
    if (known == kTypes.end()) {
      luaL_error(lua, "the option %s has the unknown type %s", path.c_str(), type.data());
    }
    option.type = known->second;
  }
  option.doc = text(lua, "doc", path);
  if (option.doc.empty()) wrong(lua, path, "has no doc");
  option.default_text = text(lua, "default", path);
  option.min = text(lua, "min", path);
  option.max = text(lua, "max", path);
  option.choices = choices(lua, path);
  option.flags = (flag(lua, "required") ? Option::kRequired : 0U) |
                 (flag(lua, "secret") ? Option::kSecret : 0U) |
                 (flag(lua, "reloadable") ? Option::kReloadable : 0U) |
                 (flag(lua, "template") ? Option::kTemplate : 0U);
  nested(lua, option, path, depth);
  return option;
}

void OptionReader::nested(lua_State* lua, Option& option, const std::string& path, int depth) {
  if (option.type == OptionType::kTable) {
    lua_getfield(lua, -1, "options");
    if (!lua_istable(lua, -1)) wrong(lua, path, "is a table without options");
    option.table = table(lua, path, option.doc, depth + 1);
    lua_pop(lua, 1);
  }
  if (option.type == OptionType::kList || option.type == OptionType::kMap) {
    if (depth + 1 >= kDepthMax) wrong(lua, path, "is nested too deep");
    lua_getfield(lua, -1, "element");
    if (!lua_istable(lua, -1)) wrong(lua, path, "does not say what its element is");
    option.element = &elements_.emplace_back(this->option(lua, path + "[]", depth + 1));
    lua_pop(lua, 1);
  }
}

// Numbers and booleans are taken as they are written.
std::string_view OptionReader::text(lua_State* lua, const char* field, const std::string& path) {
  std::string_view kept;
  switch (lua_getfield(lua, -1, field)) {
    case LUA_TNIL:
      break;
    case LUA_TBOOLEAN:
      kept = lua_toboolean(lua, -1) != 0 ? "true" : "false";
      break;
    case LUA_TSTRING:
    case LUA_TNUMBER:
      kept = keep(string_at(lua, -1));
      break;
    default:
      luaL_error(lua, "the option %s has a %s that is no text", path.c_str(), field);
  }
  lua_pop(lua, 1);
  return kept;
}

// "a|b", or a list of texts.
std::string_view OptionReader::choices(lua_State* lua, const std::string& path) {
  if (lua_getfield(lua, -1, "choices") != LUA_TTABLE) {
    lua_pop(lua, 1);
    return text(lua, "choices", path);
  }
  std::string joined;
  const auto length = static_cast<lua_Integer>(lua_rawlen(lua, -1));
  for (lua_Integer i = 1; i <= length; ++i) {
    if (lua_rawgeti(lua, -1, i) != LUA_TSTRING) wrong(lua, path, "has a choice that is no text");
    if (i > 1) joined += '|';
    joined += string_at(lua, -1);
    lua_pop(lua, 1);
  }
  lua_pop(lua, 1);
  return keep(joined);
}

}  // namespace tocsin::script
