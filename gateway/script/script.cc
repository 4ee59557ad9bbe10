#include "gateway/script/script.h"

#include <lauxlib.h>
#include <lua.h>

#include <chrono>
#include <filesystem>

#include "gateway/policy/siphash.h"
#include "gateway/script/host.h"
#include "gateway/script/limits.h"
#include "gateway/script/sandbox.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

// Files are read where nobody waits for a loop.
const Limits kOpenLimits = {.slice_max = std::chrono::seconds(1)};

// Only to tell texts apart, so the keys need not be secret.
ContentHash hash_of(std::string_view text) {
  return {policy::siphash<2, 4>({1, 0}, text), policy::siphash<2, 4>({2, 0}, text)};
}

std::string optional_text(lua_State* lua, const char* field) {
  std::string text;
  const int type = lua_getfield(lua, -1, field);
  if (type == LUA_TSTRING) {
    text = error_text(lua);
  } else if (type != LUA_TNIL) {
    luaL_error(lua, "%s must be a text", field);
  }
  lua_pop(lua, 1);
  return text;
}

std::string required_text(lua_State* lua, const char* field) {
  std::string text = optional_text(lua, field);
  if (text.empty()) luaL_error(lua, "the table it returns has no %s", field);
  return text;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kFilter:
      return "filter";
    case Kind::kOutput:
      return "output";
    case Kind::kRoute:
      break;
  }
  return "route";
}

Script::Script(std::string path, Kind kind, const ModuleFolders& folders)
    : path_(std::move(path)),
      file_(std::filesystem::path(path_).filename().string()),
      kind_(kind),
      modules_(std::make_unique<Modules>(folders,
                                         std::filesystem::path(path_).parent_path().string())) {}

Result<std::unique_ptr<Script>> Script::read(const std::string& path, Kind kind,
                                             const ModuleFolders& folders) {
  std::unique_ptr<Script> script(new Script(path, kind, folders));
  TOCSIN_TRY_SET(text, read_lua_file(path));
  script->text_ = std::move(text);
  return script;
}

// It has run once, so that its modules are known.
void Script::seal() {
  modules_->seal();
  std::string all = text_;
  for (const auto& [name, module] : modules_->all()) {
    all.append(1, '\0').append(name).append(1, '\0').append(module.text);
  }
  hash_ = hash_of(all);
}

Result<std::unique_ptr<Script>> Script::open(const std::string& path, Kind kind,
                                             std::string_view name, TableInspector& inspect,
                                             const ModuleFolders& folders) {
  TOCSIN_TRY_SET(script, read(path, kind, folders));
  TOCSIN_TRY(script->declare(name));
  script->seal();
  if (inspect) {
    const std::vector<std::string> mistakes = inspect(script->options());
    if (!mistakes.empty()) {
      return fail(Code::kInvalid, path + ": its options are wrong: " + mistakes.front());
    }
  }
  return script;
}

Result<void> Script::declare(std::string_view name) {
  TOCSIN_TRY_SET(state, State::create(kOpenLimits, SystemClock::instance()));
  std::string failure;
  if (!open_host(*state, std::make_unique<Host>(), failure) ||
      !state->run_protected(read_declaration, this, failure)) {
    return fail(Code::kInvalid, placed(failure));
  }
  if (declared_kind_ != kind_name(kind_)) {
    return fail(Code::kInvalid, path_ + ": it says it is of kind " + declared_kind_ +
                                    ", its file says " + std::string(kind_name(kind_)));
  }
  if (name_ == name) return {};
  return fail(Code::kInvalid, path_ + ": it calls itself " + name_ + ", not " + std::string(name) +
                                  " as its file does");
}

int Script::read_declaration(lua_State* lua) {
  Script& self = *static_cast<Script*>(lua_touserdata(lua, 1));
  self.run(lua);
  if (!lua_istable(lua, -1)) {
    return luaL_error(lua, "it must return a table with name, kind, options and create");
  }
  self.declared_kind_ = required_text(lua, "kind");
  self.name_ = required_text(lua, "name");
  self.version_ = optional_text(lua, "version");
  if (self.version_.empty()) self.version_ = "-";
  self.doc_ = required_text(lua, "doc");
  lua_getfield(lua, -1, "options");
  self.options_.read(lua, self.name_, self.doc_);
  self.options_.set_scalar_key(optional_text(lua, "scalar_key"));
  self.options_.set_exactly_one_of(optional_text(lua, "exactly_one_of"));
  if (lua_getfield(lua, -1, "create") != LUA_TFUNCTION) {
    return luaL_error(lua, "the table it returns has no function create");
  }
  return 0;
}

Result<std::unique_ptr<Script>> Script::open_route(const std::string& path,
                                                   const ModuleFolders& folders) {
  TOCSIN_TRY_SET(script, read(path, Kind::kRoute, folders));
  TOCSIN_TRY_SET(state, State::create(kOpenLimits, SystemClock::instance()));
  script->name_ = script->file_;
  std::string failure;
  if (!open_host(*state, std::make_unique<Host>(), failure) ||
      !state->run_protected(read_route, script.get(), failure)) {
    return fail(Code::kInvalid, script->placed(failure));
  }
  script->seal();
  return script;
}

int Script::read_route(lua_State* lua) {
  static_cast<Script*>(lua_touserdata(lua, 1))->run(lua);
  if (!lua_isfunction(lua, -1)) {
    return luaL_error(lua, "it must return a function, or define one named route");
  }
  return 0;
}

void Script::run(lua_State* lua) const {
  modules_->open(lua);
  const std::string name = "@" + file_;
  if (luaL_loadbufferx(lua, text_.data(), text_.size(), name.c_str(), "t") != LUA_OK) {
    lua_error(lua);
  }
  lua_call(lua, 0, 1);
  if (kind_ != Kind::kRoute || !lua_isnil(lua, -1)) return;
  lua_pop(lua, 1);
  lua_getglobal(lua, "route");
}

std::string Script::placed(std::string_view words) const {
  if (words.starts_with(file_ + ":")) return path_ + std::string(words.substr(file_.size()));
  for (const auto& [name, module] : modules_->all()) {
    if (!words.starts_with(module.chunk + ":")) continue;
    return module.path + std::string(words.substr(module.chunk.size()));
  }
  return path_ + ": " + std::string(words);
}

}  // namespace tocsin::script
