// What an operator asks first when something is slow: how much waits, since when, how full the disk
// is, and whether a loop stands still. Answered 200 as long as it can be answered; `status` says
// whether all is well.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

constexpr std::size_t kWaitingShown = 10;

// A full disk can be read: that alone says nothing about what is sent.
struct StoreReport {
  bool accepting;
  const Result<stage::QueryResult>& health;
  const Result<stage::QueryResult>& backlog;
  bool well() const { return accepting && health && backlog; }
};

void store_members(JsonWriter& json, const stage::StoreHealth& health, WallTime now) {
  count_pair(json, "size_bytes", health.size_bytes);
  count_pair(json, "free_disk_bytes", health.free_disk_bytes);
  oldest_ready_members(json, health.oldest_ready, now);
}

// Where something waits, longest first: what is slow is named without asking for all outputs.
void waiting_member(JsonWriter& json, std::vector<stage::BacklogCount> backlog, WallTime now) {
  std::erase_if(backlog, [](const stage::BacklogCount& one) { return !one.oldest_ready; });
  std::ranges::sort(backlog, {}, &stage::BacklogCount::oldest_ready);
  if (backlog.size() > kWaitingShown) backlog.resize(kWaitingShown);
  json.key("waiting");
  json.begin_array();
  for (const stage::BacklogCount& one : backlog) {
    json.begin_object();
    json.pair("output", one.output);
    count_pair(json, "ready", one.ready);
    oldest_ready_members(json, one.oldest_ready, now);
    json.end_object();
  }
  json.end_array();
}

void backlog_members(JsonWriter& json, const std::vector<stage::BacklogCount>& backlog,
                     WallTime now) {
  std::uint64_t ready = 0;
  std::uint64_t dead = 0;
  for (const stage::BacklogCount& count : backlog) {
    ready += count.ready;
    dead += count.dead;
  }
  count_pair(json, "ready", ready);
  count_pair(json, "dead", dead);
  waiting_member(json, backlog, now);
}

void config_member(JsonWriter& json, const ConfigDoor* config) {
  if (config == nullptr) return;
  json.key("config");
  json.begin_object();
  config_members(json, config->state());
  json.end_object();
}

bool config_is_well(const ConfigDoor* config) {
  return config == nullptr || config->state().last_reload_ok;
}

// The operator who wanted another binary has the old one.
void failed_upgrade_member(JsonWriter& json, const std::optional<UpgradeFailure>& failure) {
  if (!failure) return;
  json.key("failed_upgrade");
  json.begin_object();
  json.pair("reason", failure->reason);
  json.pair("error", failure->text);
  time_pair(json, "at", failure->at);
  json.end_object();
}

void stuck_members(JsonWriter& json, const std::vector<StuckLoop>& stuck) {
  json.key("stuck_loops");
  json.begin_array();
  for (const StuckLoop& loop : stuck) {
    json.begin_object();
    json.pair("name", loop.name);
    json.key("busy_ms");
    json.number(std::chrono::duration_cast<std::chrono::milliseconds>(loop.busy).count());
    if (!loop.plugin.empty()) {
      json.pair("plugin", loop.plugin);
      json.pair("id", loop.id);
      json.pair("callback", loop.callback);
    }
    json.key("stack");
    json.begin_array();
    for (const std::string& frame : loop.stack) json.text(frame);
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

std::vector<delivery::Overload> overloads(const delivery::OverloadGuard* guard) {
  std::vector<delivery::Overload> found;
  if (guard == nullptr) return found;
  for (std::size_t i = 0; i < delivery::kOverloads; ++i) {
    const auto reason = static_cast<delivery::Overload>(i);
    if (guard->refuses(reason)) found.push_back(reason);
  }
  return found;
}

void overload_member(JsonWriter& json, const std::vector<delivery::Overload>& found) {
  json.key("overload");
  json.begin_array();
  for (const delivery::Overload reason : found) json.text(delivery::overload_name(reason));
  json.end_array();
}

void store_report_members(JsonWriter& json, const StoreReport& report, WallTime now) {
  const auto& [accepting, health, backlog] = report;
  json.key("store");
  json.begin_object();
  json.key("accepting");
  json.boolean(accepting);
  if (health) {
    store_members(json, health->health, now);
  } else {
    json.pair("error", health.error().text());
  }
  json.end_object();
  json.key("backlog");
  json.begin_object();
  if (backlog) {
    backlog_members(json, backlog->backlog, now);
  } else {
    json.pair("error", backlog.error().text());
  }
  json.end_object();
}

// `report`: null without notifications.
std::string health_json(const AdminParts& parts, const StoreReport* report, WallTime now) {
  std::vector<StuckLoop> stuck;
  if (parts.loops != nullptr) stuck = parts.loops->stuck();
  const std::vector<delivery::Overload> overloaded = overloads(parts.overload);
  std::optional<UpgradeFailure> failed_upgrade;
  if (parts.upgrade != nullptr) failed_upgrade = parts.upgrade->last_failure();
  const bool well = stuck.empty() && overloaded.empty() && config_is_well(parts.config) &&
                    !failed_upgrade && (report == nullptr || report->well());
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("status", well ? "ok" : "degraded");
  json.pair("state", parts.readiness.text());
  config_member(json, parts.config);
  failed_upgrade_member(json, failed_upgrade);
  if (parts.loops != nullptr) stuck_members(json, stuck);
  if (parts.overload != nullptr) overload_member(json, overloaded);
  if (report != nullptr) store_report_members(json, *report, now);
  json.end_object();
  return text;
}

stage::Query query_for(stage::Query::What what) {
  stage::Query query;
  query.what = what;
  return query;
}

}  // namespace

void serve_detailed_health(AdminApi& api, const CallRef& call) {
  using What = stage::Query::What;
  const AdminParts& parts = api.parts();
  stage::Ledger* ledger = parts.ledger;
  if (ledger == nullptr) {
    return call->answer_json(200, health_json(parts, nullptr, call->loop().wall()));
  }
  ledger->query(query_for(What::kHealth), [=, &parts](Result<stage::QueryResult> health) {
    auto kept = std::make_shared<Result<stage::QueryResult>>(std::move(health));
    ledger->query(query_for(What::kBacklog),
                  [ledger, call, kept, &parts](const Result<stage::QueryResult>& backlog) {
                    const StoreReport report{ledger->accepting(), *kept, backlog};
                    call->answer_json(200, health_json(parts, &report, call->loop().wall()));
                  });
  });
}

}  // namespace tocsin::admin
