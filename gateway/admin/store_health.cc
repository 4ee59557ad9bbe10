// What an operator asks first when something is slow: how much waits, since when, and how full the
// disk is. Answered 200 as long as it can be answered; `status` says whether all is well.

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

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
  if (!health.oldest_ready) return;
  const Duration age = std::max(Duration::zero(), now - *health.oldest_ready);
  time_pair(json, "oldest_ready_at", *health.oldest_ready);
  json.key("oldest_ready_age_ms");
  json.number(std::chrono::duration_cast<std::chrono::milliseconds>(age).count());
}

void backlog_members(JsonWriter& json, const std::vector<stage::BacklogCount>& backlog) {
  std::uint64_t ready = 0;
  std::uint64_t dead = 0;
  for (const stage::BacklogCount& count : backlog) {
    ready += count.ready;
    dead += count.dead;
  }
  count_pair(json, "ready", ready);
  count_pair(json, "dead", dead);
}

std::string health_json(const Readiness& readiness, const StoreReport& report, WallTime now) {
  const auto& [accepting, health, backlog] = report;
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("status", report.well() ? "ok" : "degraded");
  json.pair("state", readiness.text());
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
    backlog_members(json, backlog->backlog);
  } else {
    json.pair("error", backlog.error().text());
  }
  json.end_object();
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
  const Readiness& readiness = api.parts().readiness;
  stage::Ledger* ledger = api.parts().ledger;
  if (ledger == nullptr) {
    return call->answer_json(200,
                             R"({"status":"ok","state":")" + std::string(readiness.text()) + "\"}");
  }
  ledger->query(query_for(What::kHealth), [=, &readiness](Result<stage::QueryResult> health) {
    auto kept = std::make_shared<Result<stage::QueryResult>>(std::move(health));
    ledger->query(query_for(What::kBacklog),
                  [ledger, call, kept, &readiness](const Result<stage::QueryResult>& backlog) {
                    const StoreReport report{ledger->accepting(), *kept, backlog};
                    call->answer_json(200, health_json(readiness, report, call->loop().wall()));
                  });
  });
}

}  // namespace tocsin::admin
