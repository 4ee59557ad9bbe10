// Looking at one dead letter, and deciding on one.

#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

using Verb = stage::Review::Verb;

constexpr std::string_view kNoSuchLetter = "No dead letter has this id.";

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

void answer_reviewed(ApiCall& call, const stage::Review& reviewed) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("id", reviewed.id.text());
  json.pair("status", outcome_name(reviewed.verb));
  if (!reviewed.output.empty()) json.pair("output", reviewed.output);
  json.end_object();
  call.answer_json(200, std::move(text));
}

// No dead letter has this id: because there is none, or because it is none any more.
void answer_why_not(ApiCall& call, message::DeliveryId id,
                    const Result<stage::QueryResult>& found) {
  if (!found) return call.answer(problem_of(found.error(), "read the store"));
  for (const stage::DeliveryRow& row : found->deliveries) {
    if (row.id != id) continue;
    return call.answer({.status = 409,
                        .detail = "This delivery is no dead letter, it is " +
                                  std::string(message::state_name(row.state)) + "."});
  }
  call.answer({.status = 404, .detail = std::string(kNoSuchLetter)});
}

void review(AdminApi& api, const CallRef& call, Verb verb) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  const auto id = message::DeliveryId::parse(call->argument());
  if (!id) return call->answer({.status = 404, .detail = "This is not a delivery's id."});
  ledger->review(*id, verb, [call, ledger, id = *id](const Result<stage::Review>& reviewed) {
    if (!reviewed) return call->answer(problem_of(reviewed.error(), "change the dead letter"));
    if (reviewed->changed) return answer_reviewed(*call, *reviewed);
    stage::Query query;
    query.what = stage::Query::What::kNotification;
    query.id = id.notification;
    ledger->query(std::move(query), [call, id](const Result<stage::QueryResult>& found) {
      answer_why_not(*call, id, found);
    });
  });
}

}  // namespace

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
