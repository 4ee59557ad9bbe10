// Reading one notification, and sending one: the wire format and the outcomes of the HTTP inputs,
// under the input name "admin" and in the name of the token.

#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

using Kind = stage::EmitOutcome::Kind;

constexpr std::string_view kInput = "admin";
constexpr Duration kFullRetryAfter = std::chrono::seconds(1);
constexpr std::string_view kTooManyWait = "Too many notifications wait to be stored.";

std::string accepted_json(const stage::EmitOutcome& outcome) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("id", outcome.id.text());
  json.pair("status", "accepted");
  count_pair(json, "deliveries", outcome.deliveries);
  json.end_object();
  return text;
}

std::string dropped_json(const stage::EmitOutcome& outcome) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("status", "dropped");
  json.pair("by", outcome.text);
  json.end_object();
  return text;
}

Problem refusal_of(const stage::EmitOutcome& outcome) {
  switch (outcome.kind) {
    case Kind::kUnrouted:
      return {.status = 422, .detail = "No route takes this notification."};
    case Kind::kNoAddress:
      return {.status = 422, .detail = "It is routed, but there is nobody to deliver it to."};
    case Kind::kTooMany:
      return {.status = 422,
              .detail = "It would become more than " + std::to_string(stage::kDeliveriesMax) +
                        " deliveries."};
    case Kind::kConflict:
      return {.status = 422,
              .detail = "An earlier request with this idempotency key had another body."};
    case Kind::kInvalid:
      return {.status = 400, .detail = outcome.text, .pointer = outcome.pointer};
    case Kind::kFull:
      return {.status = 503,
              .detail = outcome.text.empty() ? std::string(kTooManyWait) : outcome.text,
              .retry_after = std::max(outcome.retry_after, kFullRetryAfter)};
    default:
      return {.status = 503,
              .detail = "The store cannot keep it now; send it again.",
              .retry_after = std::max(outcome.retry_after, kFullRetryAfter)};
  }
}

class AdminSending final : public Sending {
 public:
  AdminSending(AdminApi& api, CallRef call) : api_(api), call_(std::move(call)) {}

  void on_emitted(std::span<const stage::EmitOutcome> outcomes) override {
    const std::unique_ptr<Sending> self = api_.release(*this);  // ends with this function
    answer(outcomes.front());
  }

 private:
  void answer(const stage::EmitOutcome& outcome) {
    const bool replayed = outcome.kind == Kind::kReplayed;
    if (outcome.kind == Kind::kCommitted || (replayed && outcome.id)) {
      call_->set_target(outcome.id.text());
      call_->set_detail(replayed ? "replayed" : "accepted");
      return call_->answer_json(202, accepted_json(outcome));
    }
    if (outcome.kind == Kind::kDropped || replayed) {
      call_->set_detail("dropped by " + outcome.text);
      return call_->answer_json(202, dropped_json(outcome));
    }
    call_->answer(refusal_of(outcome));
  }

  AdminApi& api_;  // owns this
  const CallRef call_;
};

void answer_notification(ApiCall& call, const Result<stage::QueryResult>& found) {
  if (!found) return call.answer(problem_of(found.error(), "read the store"));
  if (!found->notification) {
    return call.answer({.status = 404, .detail = "No notification has this id."});
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  notification_members(json, *found->notification);
  json.key("deliveries");
  json.begin_array();
  for (const stage::DeliveryRow& row : found->deliveries) {
    json.begin_object();
    delivery_members(json, row);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  call.answer_json(200, std::move(text));
}

}  // namespace

stage::Ledger* ledger_or_answer(AdminApi& api, const CallRef& call) {
  if (api.parts().ledger == nullptr) {
    call->answer({.status = 404, .detail = "This gateway is configured without notifications."});
  }
  return api.parts().ledger;
}

void serve_notification(AdminApi& api, const CallRef& call) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  const auto id = message::NotificationId::parse(call->argument());
  if (!id) return call->answer({.status = 404, .detail = "This is not a notification's id."});
  stage::Query query;
  query.what = stage::Query::What::kNotification;
  query.id = *id;
  ledger->query(std::move(query), [call](const Result<stage::QueryResult>& found) {
    answer_notification(*call, found);
  });
}

void serve_send(AdminApi& api, const CallRef& call) {
  stage::Emit* emit = api.parts().emit;
  if (emit == nullptr) {
    return call->answer(
        {.status = 404, .detail = "This gateway is configured without notifications."});
  }
  auto owned = std::make_unique<AdminSending>(api, call);
  AdminSending& sending = *owned;
  const stage::EmitItem item{call->body(), call->idempotency_key()};
  stage::EmitRequest request;
  request.input = kInput;
  request.caller = call->caller().name;
  request.items = {&item, 1};
  api.keep(std::move(owned));
  if (emit->emit(request, sending)) return;
  (void)api.release(sending);
  call->answer(
      {.status = 503, .detail = std::string(kTooManyWait), .retry_after = kFullRetryAfter});
}

}  // namespace tocsin::admin
