#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/script/environment.h"
#include "gateway/telemetry/log_limiter.h"
#include "gateway/template/template.h"

struct lua_State;

namespace tocsin::script {

class Call;
class State;

/// What the functions of `tocsin` reach on behalf of one state. While a script is only looked at,
/// it has no services, and on the control thread no environment: what needs them says so.
class Host {
 public:
  static constexpr std::size_t kTemplatesMax = 64;
  static constexpr std::uint32_t kLinesASecond = 100;

  Host() = default;
  Host(const Voice& voice, const Services& services, const Environment* environment)
      : voice_(&voice), services_(&services), environment_(environment) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  static Host& of(lua_State* lua);

  /// Raise when there is none.
  const Environment& environment(lua_State* lua) const;
  policy::SharedTable& table(lua_State* lua) const;
  http::HttpClient& client(lua_State* lua) const;
  /// The call whose coroutine `lua` is, which may wait; raises when it is none or must not.
  Call& call(lua_State* lua, const char* function) const;

  const Voice* voice() const { return voice_; }
  const Services* services() const { return services_; }
  const Clock& clock() const;
  /// A key of the shared table that no other instance's meets. Raises when it is too long.
  std::string shared_key(lua_State* lua, std::string_view key) const;

  std::vector<templates::Template>& templates() { return templates_; }
  /// What keeps a script from filling the log, and others' lines from being lost over it.
  telemetry::LogLimiter& lines() { return lines_; }
  /// The call that runs now, or null; set by Call.
  void set_call(Call* call) { call_ = call; }

 private:
  const Voice* voice_ = nullptr;
  const Services* services_ = nullptr;
  const Environment* environment_ = nullptr;
  Call* call_ = nullptr;
  std::vector<templates::Template> templates_;
  telemetry::LogLimiter lines_{kLinesASecond, std::chrono::seconds(1)};
};

/// Gives a state its host and the global table `tocsin`, and `print` that logs. False: `failure`
/// says why, which is the limits.
bool open_host(State& state, std::unique_ptr<Host> host, std::string& failure);

/// Parts of that table in files of their own; each pushes one value. May raise.
void push_kv_library(lua_State* lua);
void push_http_library(lua_State* lua);

}  // namespace tocsin::script
