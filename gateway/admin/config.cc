// The configuration that serves, and replacing it.

#include <chrono>
#include <string>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"
#include "gateway/http/problem.h"

namespace tocsin::admin {

namespace {

using namespace std::chrono_literals;

constexpr Duration kUnderWayRetryAfter = std::chrono::seconds(1);

void fault_members(JsonWriter& json, const std::vector<ConfigFault>& faults) {
  json.key("errors");
  json.begin_array();
  for (const ConfigFault& fault : faults) {
    json.begin_object();
    json.pair("file", fault.file);
    json.key("line");
    json.number(fault.line);
    json.key("column");
    json.number(fault.column);
    json.pair("path", fault.path);
    json.pair("message", fault.message);
    json.pair("hint", fault.hint);
    json.end_object();
  }
  json.end_array();
}

std::string refused_json(const ReloadOutcome& outcome) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("title", "Unprocessable Content");
  json.key("status");
  json.number(422);
  json.pair("detail", "The configuration was refused; the one before serves on.");
  count_pair(json, "snapshot", outcome.snapshot);
  fault_members(json, outcome.faults);
  json.end_object();
  return text;
}

// "2.4 s"
std::string seconds_text(Duration age) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(age).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string reloaded_json(const ReloadOutcome& outcome) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("status", outcome.kind == ReloadOutcome::Kind::kApplied ? "applied" : "unchanged");
  count_pair(json, "snapshot", outcome.snapshot);
  json.key("changes");
  json.begin_array();
  for (const ConfigChange& change : outcome.changes) {
    json.begin_object();
    json.pair("what", change.what);
    if (!change.name.empty()) json.pair("name", change.name);
    json.pair("how", change.how);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

void answer_reload(ApiCall& call, const ReloadOutcome& outcome) {
  using Kind = ReloadOutcome::Kind;
  switch (outcome.kind) {
    case Kind::kApplied:
    case Kind::kUnchanged:
      call.set_detail(outcome.kind == Kind::kApplied ? "applied" : "unchanged");
      return call.answer_json(200, reloaded_json(outcome));
    case Kind::kRefused:
      call.set_detail("refused");
      return call.answer(422, http::kProblemType, refused_json(outcome));
    case Kind::kStopping:
      return call.answer({.status = 503, .detail = "The gateway is starting or stopping."});
    case Kind::kUnderWay:
      call.set_detail("one is under way");
      return call.answer({.status = 503,
                          .detail = "A reload is under way for " + seconds_text(outcome.age) +
                                    " already; ask again when it is over.",
                          .retry_after = kUnderWayRetryAfter});
  }
}

}  // namespace

void config_members(JsonWriter& json, const ConfigState& state) {
  json.pair("path", state.path);
  count_pair(json, "snapshot", state.snapshot);
  count_pair(json, "snapshots_alive", state.alive);
  time_pair(json, "loaded_at", state.loaded_at);
  json.key("last_reload");
  json.begin_object();
  json.key("ok");
  json.boolean(state.last_reload_ok);
  time_pair(json, "at", state.last_reload_at);
  if (!state.faults.empty()) fault_members(json, state.faults);
  json.end_object();
  if (!state.under_way_for) return;
  json.key("reload_under_way");
  json.begin_object();
  count_pair(json, "for_ms", static_cast<std::uint64_t>(*state.under_way_for / 1ms));
  if (!state.inside.empty()) json.pair("inside", state.inside);
  json.end_object();
}

void serve_config(AdminApi& api, const CallRef& call) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  if (api.parts().config != nullptr) config_members(json, api.parts().config->state());
  json.end_object();
  call->answer_json(200, std::move(text));
}

void serve_reload(AdminApi& api, const CallRef& call) {
  if (api.parts().config == nullptr)
    return answer_reload(*call, {.kind = ReloadOutcome::Kind::kStopping});
  api.parts().config->reload(
      [call](const ReloadOutcome& outcome) { answer_reload(*call, outcome); });
}

}  // namespace tocsin::admin
