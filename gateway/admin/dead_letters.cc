// Listing dead letters, looking at one, and deciding on one.

#include <string>
#include <unordered_map>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

using Verb = stage::Review::Verb;

constexpr std::string_view kNoSuchLetter = "No dead letter has this id.";

// A page of the list. `next` is where the following one begins; absent: there is none.
std::string page_json(const stage::QueryResult& page, std::uint32_t limit) {
  std::unordered_map<std::uint64_t, const stage::NotificationRow*> notifications;
  for (const stage::NotificationRow& row : page.notifications) {
    notifications.emplace(row.id.value, &row);
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("dead_letters");
  json.begin_array();
  for (const stage::DeliveryRow& row : page.deliveries) {
    json.begin_object();
    delivery_members(json, row);
    json.pair("notification", row.id.notification.text());
    const auto of = notifications.find(row.id.notification.value);
    if (of != notifications.end()) summary_members(json, *of->second);
    json.end_object();
  }
  json.end_array();
  if (page.deliveries.size() >= limit) json.pair("next", page.deliveries.back().id.text());
  json.end_object();
  return text;
}

std::optional<Problem> read_list_query(const ApiCall& call, stage::Query& query) {
  query.what = stage::Query::What::kDeadLetters;
  if (const std::string* output = call.parameter("output")) query.output = *output;
  if (const std::string* before = call.parameter("before")) {
    query.before = message::DeliveryId::parse(*before);
    if (!query.before) return Problem{400, "In the query: before is not a delivery's id."};
  }
  if (const std::string* limit = call.parameter("limit")) {
    const auto number = read_limit(*limit, stage::kPageRowsMax);
    if (!number) return Problem{400, "In the query: " + number.error().what + "."};
    query.limit = *number;
  }
  return std::nullopt;
}

void answer_letter(ApiCall& call, message::DeliveryId id, const Result<stage::QueryResult>& found) {
  if (!found) return call.answer(problem_of(found.error(), "read the store"));
  const stage::DeliveryRow* letter = nullptr;
  for (const stage::DeliveryRow& row : found->deliveries) {
    if (row.id == id && row.state == message::DeliveryState::kDead) letter = &row;
  }
  if (letter == nullptr || !found->notification) {
    return call.answer({.status = 404, .detail = std::string(kNoSuchLetter)});
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  delivery_members(json, *letter);
  json.key("of");
  json.begin_object();
  notification_members(json, *found->notification);
  json.end_object();
  json.end_object();
  call.answer_json(200, std::move(text));
}

std::string_view outcome_name(Verb verb) {
  switch (verb) {
    case Verb::kRedrive:
      return "redriven";
    case Verb::kApprove:
      return "approved";
    case Verb::kDiscard:
      break;
  }
  return "discarded";
}

void answer_review(ApiCall& call, const Result<stage::Review>& reviewed) {
  if (!reviewed) return call.answer(problem_of(reviewed.error(), "change the dead letter"));
  if (!reviewed->changed) {
    return call.answer({.status = 404, .detail = std::string(kNoSuchLetter)});
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("id", reviewed->id.text());
  json.pair("status", outcome_name(reviewed->verb));
  if (!reviewed->output.empty()) json.pair("output", reviewed->output);
  json.end_object();
  call.answer_json(200, std::move(text));
}

void review(AdminApi& api, const CallRef& call, Verb verb) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  const auto id = message::DeliveryId::parse(call->argument());
  if (!id) return call->answer({.status = 404, .detail = "This is not a delivery's id."});
  ledger->review(*id, verb,
                 [call](const Result<stage::Review>& reviewed) { answer_review(*call, reviewed); });
}

}  // namespace

void serve_dead_letters(AdminApi& api, const CallRef& call) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  stage::Query query;
  if (const auto problem = read_list_query(*call, query)) return call->answer(*problem);
  const std::uint32_t limit = query.limit;
  ledger->query(std::move(query), [call, limit](const Result<stage::QueryResult>& page) {
    if (!page) return call->answer(problem_of(page.error(), "read the store"));
    call->answer_json(200, page_json(*page, limit));
  });
}

void serve_dead_letter(AdminApi& api, const CallRef& call) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  const auto id = message::DeliveryId::parse(call->argument());
  if (!id) return call->answer({.status = 404, .detail = "This is not a delivery's id."});
  stage::Query query;
  query.what = stage::Query::What::kNotification;
  query.id = id->notification;
  ledger->query(std::move(query), [call, id = *id](const Result<stage::QueryResult>& found) {
    answer_letter(*call, id, found);
  });
}

void serve_redrive(AdminApi& api, const CallRef& call) { review(api, call, Verb::kRedrive); }
void serve_approve(AdminApi& api, const CallRef& call) { review(api, call, Verb::kApprove); }
void serve_discard(AdminApi& api, const CallRef& call) { review(api, call, Verb::kDiscard); }

}  // namespace tocsin::admin
