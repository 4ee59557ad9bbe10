// Looking notifications up by what their sender calls them.

#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

// A page of what was found. `next` is where the following one begins; absent: there is none.
std::string found_json(const stage::QueryResult& page, std::uint32_t limit) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("notifications");
  json.begin_array();
  for (const stage::NotificationRow& row : page.notifications) {
    json.begin_object();
    json.pair("id", row.id.text());
    json.pair("input", row.input);
    if (!row.caller.empty()) json.pair("caller", row.caller);
    time_pair(json, "accepted_at", row.accepted_at);
    summary_members(json, row);
    json.end_object();
  }
  json.end_array();
  if (page.notifications.size() >= limit) json.pair("next", page.notifications.back().id.text());
  json.end_object();
  return text;
}

std::optional<Problem> read_search(const ApiCall& call, stage::Query& query) {
  if (const std::string* before = call.parameter("before")) {
    const auto id = message::NotificationId::parse(*before);
    if (!id) return Problem{400, "In the query: before is not a notification's id."};
    query.before = message::DeliveryId{*id, 0};
  }
  if (const std::string* limit = call.parameter("limit")) {
    const auto number = read_limit(*limit, stage::kPageRowsMax);
    if (!number) return Problem{400, "In the query: " + number.error().what + "."};
    query.limit = *number;
  }
  const std::string* key = call.parameter("key");
  const std::string* external_id = call.parameter("external_id");
  if ((key == nullptr) == (external_id == nullptr)) {
    return Problem{400, "In the query: say either key or external_id."};
  }
  query.what = key != nullptr ? stage::Query::What::kByKey : stage::Query::What::kByExternalId;
  query.text = key != nullptr ? *key : *external_id;
  if (query.text.empty()) return Problem{400, "In the query: what is looked for is empty."};
  return std::nullopt;
}

Problem problem_of_search(const Error& error) {
  // The store's own words say what to configure.
  if (error.code == Code::kNotFound) return {.status = 409, .detail = error.what + "."};
  return problem_of(error, "read the store");
}

}  // namespace

void serve_search(AdminApi& api, const CallRef& call) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  stage::Query query;
  if (const auto problem = read_search(*call, query)) return call->answer(*problem);
  const std::uint32_t limit = query.limit;
  ledger->query(std::move(query), [call, limit](const Result<stage::QueryResult>& page) {
    if (!page) return call->answer(problem_of_search(page.error()));
    call->answer_json(200, found_json(*page, limit));
  });
}

}  // namespace tocsin::admin
