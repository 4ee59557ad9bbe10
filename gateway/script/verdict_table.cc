#include "gateway/script/verdict_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

using message::VerdictKind;
using message::VerdictScope;

constexpr std::array<std::pair<std::string_view, VerdictScope>, 3> kScopes = {{
    {"address", VerdictScope::kAddress},
    {"output", VerdictScope::kOutput},
    {"account", VerdictScope::kAccount},
}};
constexpr Duration kAfterMax = std::chrono::hours(24);

VerdictKind kind_at(lua_State* lua, int index) {
  const std::string_view name = lua_type(lua, index) == LUA_TSTRING ? text_at(lua, index) : "";
  for (int i = 0; i <= static_cast<int>(VerdictKind::kInternal); ++i) {
    const auto kind = static_cast<VerdictKind>(i);
    if (name == message::verdict_name(kind)) return kind;
  }
  luaL_error(lua,
             name.empty() ? "deliver must return a verdict" : "deliver returned no verdict: %s",
             name.data());
  return VerdictKind::kInternal;
}

std::string text_field(lua_State* lua, int index, const char* name, std::size_t most) {
  std::string text;
  if (lua_getfield(lua, index, name) != LUA_TNIL) {
    if (lua_isstring(lua, -1) == 0) luaL_error(lua, "the verdict's %s is no text", name);
    text = text_at(lua, -1).substr(0, most);
  }
  lua_pop(lua, 1);
  return text;
}

Duration after(lua_State* lua, int index) {
  Duration wait = Duration::zero();
  if (lua_getfield(lua, index, "after_ms") != LUA_TNIL) {
    if (lua_isnumber(lua, -1) == 0) luaL_error(lua, "the verdict's after_ms is no number");
    const lua_Number wanted = lua_tonumber(lua, -1);
    if (std::isnan(wanted)) luaL_error(lua, "the verdict's after_ms is not a number");
    const lua_Number ms = std::clamp<lua_Number>(wanted, 0, 86'400'000);
    wait = std::chrono::milliseconds(static_cast<std::int64_t>(ms));
  }
  lua_pop(lua, 1);
  return std::min(wait, kAfterMax);
}

}  // namespace

message::Verdict verdict_at(lua_State* lua, int index) {
  message::Verdict verdict;
  verdict.kind = kind_at(lua, index);
  if (verdict.kind == VerdictKind::kUnauthorized) verdict.scope = VerdictScope::kAccount;
  if (lua_isnoneornil(lua, index + 1)) return verdict;
  luaL_checktype(lua, index + 1, LUA_TTABLE);
  verdict.reason = text_field(lua, index + 1, "reason", message::kReasonBytesMax);
  verdict.provider_id = text_field(lua, index + 1, "provider_id", message::kProviderIdBytesMax);
  verdict.after = after(lua, index + 1);
  const std::string scope = text_field(lua, index + 1, "scope", 16);
  if (scope.empty()) return verdict;
  const auto* known = std::find_if(kScopes.begin(), kScopes.end(),
                                   [&scope](const auto& one) { return one.first == scope; });
  if (known == kScopes.end()) luaL_error(lua, "the verdict's scope is unknown: %s", scope.c_str());
  verdict.scope = known->second;
  return verdict;
}

void push_verdict(lua_State* lua, const message::Verdict& verdict) {
  push_text(lua, message::verdict_name(verdict.kind));
  lua_createtable(lua, 0, 3);
  if (!verdict.reason.empty()) {
    push_text(lua, verdict.reason);
    lua_setfield(lua, -2, "reason");
  }
  if (verdict.after > Duration::zero()) {
    lua_pushinteger(lua,
                    std::chrono::duration_cast<std::chrono::milliseconds>(verdict.after).count());
    lua_setfield(lua, -2, "after_ms");
  }
  for (const auto& [name, scope] : kScopes) {
    if (scope == verdict.scope) push_text(lua, name);
  }
  lua_setfield(lua, -2, "scope");
}

}  // namespace tocsin::script
