// A name becomes a path by its segments alone, which hold no dot and no slash, so that it stays
// inside of the folders. What was loaded is kept by each state in a table of its own.

#include "gateway/script/modules.h"

#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "gateway/script/limits.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

constexpr std::string_view kLibraryPrefix = "tocsin.";

// Looking for a file takes as long as so many instructions.
constexpr std::int64_t kInstructionsASearch = 1000;

// The value that stands for a module while its file runs.
const char kLoading = 0;

bool is_module_name(std::string_view name) {
  if (name.empty() || name.size() > Modules::kNameBytesMax || name.front() == '.' ||
      name.back() == '.' || name.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
}

std::string file_of(std::string_view name) {
  std::string file(name);
  std::replace(file.begin(), file.end(), '.', '/');
  return file + ".lua";
}

// The module's text as a function on top of the stack.
void load(lua_State* lua, const Modules::Module& module) {
  const std::string name = "@" + module.chunk;
  if (luaL_loadbufferx(lua, module.text.data(), module.text.size(), name.c_str(), "t") != LUA_OK) {
    lua_error(lua);
  }
}

// require(name); upvalues: the modules, the table of what this state has loaded
int require(lua_State* lua) {
  auto& modules = *static_cast<Modules*>(lua_touserdata(lua, lua_upvalueindex(1)));
  const std::string_view name = checked_text(lua, 1);
  lua_settop(lua, 1);
  lua_pushvalue(lua, 1);
  const int type = lua_rawget(lua, lua_upvalueindex(2));
  if (type == LUA_TLIGHTUSERDATA && lua_touserdata(lua, -1) == &kLoading) {
    return luaL_error(lua, "the module \"%s\" requires itself, or failed before", name.data());
  }
  if (type != LUA_TNIL) return 1;
  State::of(lua).charge(lua, kInstructionsASearch);
  const Result<const Modules::Module*> found = modules.find(name);
  if (!found) return luaL_error(lua, "%s", found.error().what.c_str());
  lua_pushvalue(lua, 1);
  lua_pushlightuserdata(lua, const_cast<char*>(&kLoading));
  lua_rawset(lua, lua_upvalueindex(2));
  load(lua, **found);
  lua_call(lua, 0, 1);
  if (lua_isnil(lua, -1)) lua_pushboolean(lua, 1);
  lua_pushvalue(lua, 1);
  lua_pushvalue(lua, -2);
  lua_rawset(lua, lua_upvalueindex(2));
  return 1;
}

}  // namespace

Modules::Modules(ModuleFolders folders, std::string own_folder)
    : folders_(std::move(folders)), own_folder_(std::move(own_folder)) {}

void Modules::open(lua_State* lua) {
  lua_pushlightuserdata(lua, this);
  lua_newtable(lua);
  lua_pushcclosure(lua, require, 2);
  lua_setglobal(lua, "require");
}

Result<const Modules::Module*> Modules::find(std::string_view name) {
  if (const auto known = modules_.find(name); known != modules_.end()) return &known->second;
  if (!is_module_name(name)) {
    return fail(Code::kInvalid, "this is no module's name, such as tocsin.text or my_helpers");
  }
  if (is_sealed_) {
    return fail(Code::kInvalid, "the module \"" + std::string(name) +
                                    "\" was not loaded with the script: files are read only while "
                                    "the script's own file runs, outside of its functions");
  }
  if (modules_.size() >= kFilesMax) {
    return fail(Code::kFull, "a script may load " + std::to_string(kFilesMax) + " modules");
  }
  return read(name);
}

std::vector<std::string> Modules::candidates(std::string_view name, std::string_view file) const {
  std::vector<std::string> paths;
  const auto add = [&](const std::string& folder, std::string_view below) {
    paths.push_back((std::filesystem::path(folder) / below).string());
  };
  if (name.starts_with(kLibraryPrefix)) {
    for (const std::string& folder : folders_.library) {
      add(folder, file.substr(kLibraryPrefix.size()));
    }
    return paths;
  }
  add(own_folder_, file);
  for (const std::string& folder : folders_.others) add(folder, file);
  return paths;
}

Result<const Modules::Module*> Modules::read(std::string_view name) {
  const std::string file = file_of(name);
  std::string looked_for;
  for (const std::string& path : candidates(name, file)) {
    Result<std::string> text = read_lua_file(path);
    if (!text && text.error().code != Code::kNotFound) return tl::unexpected(text.error());
    if (!text) {
      looked_for += (looked_for.empty() ? "; there is no " : ", no ") + path;
      continue;
    }
    if (bytes_ + text->size() > kBytesMax) {
      return fail(Code::kFull, "the modules of a script may have 1 MiB in all");
    }
    bytes_ += text->size();
    return &modules_.emplace(name, Module{path, file, std::move(*text)}).first->second;
  }
  return fail(Code::kNotFound, "there is no module \"" + std::string(name) + "\"" + looked_for);
}

Result<std::string> read_lua_file(const std::string& path) {
  std::error_code failed;
  const auto found = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(found)) {
    return fail(Code::kNotFound, path + ": there is no such file");
  }
  if (std::filesystem::is_directory(found)) {
    return fail(Code::kInvalid, path + ": it is a directory");
  }
  // A pipe would be waited for, and read once only.
  if (!std::filesystem::is_regular_file(found)) {
    return fail(Code::kInvalid, path + ": it is not a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, path + ": it cannot be read");
  std::string text(kScriptBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kScriptBytesMax) {
    return fail(Code::kInvalid, path + ": it is larger than 256 KiB");
  }
  return text;
}

}  // namespace tocsin::script
