// The global table `tocsin`: log, json, kv, http, now, iso, sleep, template.

#include "gateway/script/host.h"

#include <lauxlib.h>
#include <lua.h>

#include <array>
#include <chrono>
#include <utility>

#include "gateway/message/time_text.h"
#include "gateway/policy/siphash.h"
#include "gateway/script/call.h"
#include "gateway/script/convert.h"
#include "gateway/script/notification_table.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

using telemetry::LogLevel;

constexpr std::size_t kLogBytesMax = 4096;  // of a line's text
constexpr std::size_t kLogFieldsMax = 16;

// ---- log

std::string shown(lua_State* lua, int index) {
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
      return std::string(text_at(lua, index).substr(0, kLogBytesMax));
    case LUA_TNUMBER:
      lua_pushvalue(lua, index);
      return std::string(popped_text(lua));
    case LUA_TBOOLEAN:
      return lua_toboolean(lua, index) != 0 ? "true" : "false";
    default:
      return luaL_typename(lua, index);
  }
}

// log.info(text, {name = value, ...})
int write_line(lua_State* lua, LogLevel level) {
  const std::string text = shown(lua, 1);
  Host& host = Host::of(lua);
  if (host.services() == nullptr || !host.services()->log.enabled(level)) return 0;
  const std::optional<std::uint64_t> skipped = host.lines().admit(host.clock().mono());
  if (!skipped) return 0;
  std::vector<std::pair<std::string, std::string>> named;
  if (lua_istable(lua, 2)) {
    for (lua_pushnil(lua); lua_next(lua, 2) != 0; lua_pop(lua, 1)) {
      if (named.size() == kLogFieldsMax) break;
      named.emplace_back(shown(lua, -2), shown(lua, -1));
    }
  }
  std::vector<telemetry::LogField> fields{{"plugin", host.voice()->label}};
  if (*skipped > 0) fields.emplace_back("suppressed", *skipped);
  for (const auto& [name, value] : named) fields.emplace_back(name, std::string_view(value));
  host.services()->log.write(level, host.voice()->logger, text, fields);
  return 0;
}

template <LogLevel kLevel>
int log_at(lua_State* lua) {
  State::of(lua).charge(lua, 32);
  return write_line(lua, kLevel);
}

// print(a, b): one line of information.
int print(lua_State* lua) {
  std::string line;
  const int count = lua_gettop(lua);
  for (int i = 1; i <= count; ++i) line.append(i > 1 ? "\t" : "").append(shown(lua, i));
  lua_settop(lua, 0);
  push_text(lua, std::string_view(line).substr(0, kLogBytesMax));
  return log_at<LogLevel::kInfo>(lua);
}

void push_log_library(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {{"debug", log_at<LogLevel::kDebug>},
                                     {"info", log_at<LogLevel::kInfo>},
                                     {"warning", log_at<LogLevel::kWarning>},
                                     {"error", log_at<LogLevel::kError>},
                                     {nullptr, nullptr}};
  luaL_newlib(lua, kFunctions);
}

// ---- time

int now(lua_State* lua) {
  const Duration since = Host::of(lua).clock().wall().time_since_epoch();
  lua_pushinteger(lua, std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
  return 1;
}

// iso(ms), or of now
int iso(lua_State* lua) {
  if (lua_isnoneornil(lua, 1)) {
    lua_settop(lua, 0);
    now(lua);
  }
  constexpr lua_Integer kLastMs = 253'402'300'799'999;  // of the year 9999
  const lua_Integer ms = luaL_checkinteger(lua, 1);
  luaL_argcheck(lua, ms >= 0 && ms <= 9'223'372'036'854 && ms <= kLastMs, 1, "no time in range");
  message::TimeBuffer buffer;
  push_text(lua, message::format_time(WallTime(std::chrono::milliseconds(ms)), buffer));
  return 1;
}

class Sleep final : public Wait {
 public:
  Sleep(Call& call, event::Loop& loop, Duration how_long)
      : timer_(loop.timers(), [&call] { call.resume(); }) {
    timer_.arm_after(how_long);
  }
  int push_result(lua_State* /*lua*/) override { return 0; }

 private:
  event::Timer timer_;
};

int sleep(lua_State* lua) {
  const lua_Number ms = luaL_checknumber(lua, 1);
  luaL_argcheck(lua, ms >= 0 && ms <= 3'600'000, 1, "between 0 and an hour is allowed");
  Call& call = Host::of(lua).call(lua, "sleep");
  event::Loop& loop = Host::of(lua).environment(lua).loop;
  const auto how_long = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(static_cast<double>(ms)));
  return call.wait(lua, std::make_unique<Sleep>(call, loop, how_long));
}

// ---- digests

// digest(text): 128 bits that stand for the text, as 32 digits. The keys are fixed, so that all
// loops, and gateways that share state, say the same of it.
int digest(lua_State* lua) {
  const std::string_view text = checked_text(lua, 1);
  State::of(lua).charge(lua, static_cast<std::int64_t>(text.size() / 16));
  std::string digits;
  for (const policy::HashSeed& seed : {policy::HashSeed{1, 0}, policy::HashSeed{2, 0}}) {
    const std::uint64_t half = policy::siphash<2, 4>(seed, text);
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[half >> shift & 0xF];
  }
  push_text(lua, digits);
  return 1;
}

// ---- templates

int render(lua_State* lua) {
  Host& host = Host::of(lua);
  const auto index = static_cast<std::size_t>(lua_tointeger(lua, lua_upvalueindex(1)));
  const message::Notification& notification = NotificationTable::checked(lua, 1);
  const Result<templates::Rendered> rendered =
      host.templates()[index].render({.notification = &notification});
  if (!rendered) {
    push_text(lua, rendered.error().text());
    return lua_error(lua);
  }
  State::of(lua).charge(lua, 64 + static_cast<std::int64_t>(rendered->text.size() / 16));
  push_text(lua, rendered->text);
  return 1;
}

// template(text [, "none" | "html" | "json" | "url" | "slack"]) gives a function of a notification
int compile(lua_State* lua) {
  constexpr const char* kEscapes[] = {"none", "html", "json", "url", "slack", nullptr};
  const std::string_view text = checked_text(lua, 1);
  const auto escape = static_cast<templates::Escape>(luaL_checkoption(lua, 2, "none", kEscapes));
  State::of(lua).charge(lua, 1000 + static_cast<std::int64_t>(text.size()));
  std::vector<templates::Template>& made = Host::of(lua).templates();
  if (made.size() >= Host::kTemplatesMax) return luaL_error(lua, "a script may have 64 templates");
  const Services* services = Host::of(lua).services();
  const templates::Settings* settings = services == nullptr ? nullptr : services->templates.get();
  auto compiled = templates::Template::compile(text, templates::rules_of(settings, escape));
  if (!compiled) {
    push_text(lua, compiled.error().what);
    return lua_error(lua);
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(made.size()));
  lua_pushcclosure(lua, render, 1);
  made.push_back(std::move(*compiled));
  return 1;
}

// ---- opening

int open_tocsin(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {{"now", now},       {"iso", iso},          {"sleep", sleep},
                                     {"digest", digest}, {"template", compile}, {nullptr, nullptr}};
  luaL_newlib(lua, kFunctions);
  push_log_library(lua);
  lua_setfield(lua, -2, "log");
  push_json_library(lua);
  lua_setfield(lua, -2, "json");
  push_kv_library(lua);
  lua_setfield(lua, -2, "kv");
  push_http_library(lua);
  lua_setfield(lua, -2, "http");
  lua_setglobal(lua, "tocsin");
  lua_pushcfunction(lua, print);
  lua_setglobal(lua, "print");
  return 0;
}

}  // namespace

Host& Host::of(lua_State* lua) { return *State::of(lua).host(); }

const Environment& Host::environment(lua_State* lua) const {
  if (environment_ == nullptr) luaL_error(lua, "this is possible only while notifications flow");
  return *environment_;
}

policy::SharedTable& Host::table(lua_State* lua) const {
  policy::SharedTable* table = environment(lua).table;
  if (table == nullptr) luaL_error(lua, "this loop has no shared table");
  return *table;
}

http::HttpClient& Host::client(lua_State* lua) const {
  http::HttpClient* client = environment(lua).client;
  if (client == nullptr) luaL_error(lua, "this loop has no HTTP client");
  return *client;
}

Call& Host::call(lua_State* lua, const char* function) const {
  if (call_ == nullptr || !call_->may_wait()) luaL_error(lua, "%s cannot wait here", function);
  if (lua != call_->thread()) {
    luaL_error(lua, "%s cannot wait inside a coroutine of the script's", function);
  }
  if (lua_isyieldable(lua) == 0) luaL_error(lua, "%s cannot wait inside this call", function);
  return *call_;
}

const Clock& Host::clock() const {
  if (environment_ != nullptr) return environment_->loop.clock();
  return services_ == nullptr ? SystemClock::instance() : services_->clock;
}

std::string Host::shared_key(lua_State* lua, std::string_view key) const {
  std::string full = voice_->label;
  full.append(1, '\0').append(voice_->id).append(1, '\0').append(key);
  if (full.size() > policy::SharedTable::kKeyBytesMax) luaL_error(lua, "the key is too long");
  return full;
}

bool open_host(State& state, std::unique_ptr<Host> host, std::string& failure) {
  state.set_host(std::move(host));
  return state.run_protected(open_tocsin, nullptr, failure);
}

}  // namespace tocsin::script
