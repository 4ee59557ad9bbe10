// One decision on many dead letters of an output:
//
//   page of the list -> a review for each that counts, all at once -> next page -> ...
//
// The front puts the reviews of a page into one batch, so a page costs one commit. The list goes
// from new to old and the cursor only moves down: what is redriven and dies again is not met twice.

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"
#include "gateway/base/json_reader.h"

namespace tocsin::admin {

namespace {

using message::ReviewState;
using Verb = stage::Review::Verb;

constexpr std::uint32_t kPageRows = 100;
constexpr std::int64_t kLettersMax = 10'000;  // of one request
constexpr std::int64_t kLettersDefault = 1000;

struct SweepRequest {
  Verb verb = Verb::kRedrive;
  std::string output;
  std::int64_t limit = kLettersDefault;
  std::optional<ReviewState> review;          // only those
  std::optional<message::DeliveryId> before;  // go on below it
};

Problem wrong(std::string pointer, std::string detail) {
  return {.status = 400, .detail = std::move(detail), .pointer = std::move(pointer)};
}

std::optional<Problem> read_member(const Value::Entry& member, SweepRequest& request) {
  if (member.key == "output") {
    if (!member.value.is<std::string>() || member.value.as<std::string>().empty()) {
      return wrong("/output", "An output's name is expected.");
    }
    request.output = member.value.as<std::string>();
    return std::nullopt;
  }
  if (member.key == "limit") {
    const bool number = member.value.is<std::int64_t>();
    request.limit = number ? member.value.as<std::int64_t>() : 0;
    if (request.limit >= 1 && request.limit <= kLettersMax) return std::nullopt;
    return wrong("/limit", "A number from 1 to " + std::to_string(kLettersMax) + " is expected.");
  }
  if (member.key == "review") {
    const std::string word = member.value.is<std::string>() ? member.value.as<std::string>() : "";
    for (const ReviewState state : {ReviewState::kPending, ReviewState::kApproved}) {
      if (message::review_name(state) != word) continue;
      request.review = state;
      return std::nullopt;
    }
    return wrong("/review", "\"pending\" or \"approved\" is expected.");
  }
  if (member.key == "before") {
    if (member.value.is<std::string>()) {
      request.before = message::DeliveryId::parse(member.value.as<std::string>());
    }
    if (request.before) return std::nullopt;
    return wrong("/before", "A delivery's id is expected.");
  }
  return wrong("", "There is an unknown name; output, limit, review and before are known.");
}

tl::expected<SweepRequest, Problem> read_request(Verb verb, std::string_view body) {
  SweepRequest request;
  request.verb = verb;
  const Result<Value> document = read_json(body);
  if (!document) return tl::unexpected(wrong("", "In the body: " + document.error().what + "."));
  if (!document->is<Value::Map>()) return tl::unexpected(wrong("", "An object is expected."));
  for (const Value::Entry& member : document->as<Value::Map>()) {
    if (auto problem = read_member(member, request)) return tl::unexpected(std::move(*problem));
  }
  if (request.output.empty()) return tl::unexpected(wrong("", "\"output\" is missing."));
  return request;
}

/// Lives in the callbacks it waits for.
class Sweep final : public std::enable_shared_from_this<Sweep> {
 public:
  Sweep(stage::Ledger& ledger, CallRef call, SweepRequest request)
      : ledger_(ledger),
        call_(std::move(call)),
        request_(std::move(request)),
        before_(request_.before) {}

  void next_page() {
    stage::Query query;
    query.what = stage::Query::What::kDeadLetters;
    query.output = request_.output;
    query.before = before_;
    query.limit = kPageRows;
    ledger_.query(std::move(query), [self = shared_from_this()](Result<stage::QueryResult> page) {
      self->on_page(std::move(page));
    });
  }

 private:
  void on_page(Result<stage::QueryResult> page) {
    if (!page) return fail(page.error());
    const bool last_page = page->deliveries.size() < kPageRows;
    std::vector<message::DeliveryId> chosen;
    for (const stage::DeliveryRow& row : page->deliveries) {
      if (begun_ == request_.limit) break;
      before_ = row.id;
      if (!counts(row)) continue;
      chosen.push_back(row.id);
      ++begun_;
    }
    const bool all_seen = page->deliveries.empty() || before_ == page->deliveries.back().id;
    rest_ = !last_page || !all_seen;
    if (chosen.empty()) return go_on();
    outstanding_ = chosen.size();
    for (const message::DeliveryId id : chosen) {
      ledger_.review(id, request_.verb,
                     [self = shared_from_this()](const Result<stage::Review>& done) {
                       self->on_reviewed(done);
                     });
    }
  }

  bool counts(const stage::DeliveryRow& row) const {
    if (row.review == ReviewState::kDiscarded) return false;
    if (request_.review) return row.review == *request_.review;
    return request_.verb != Verb::kApprove || row.review == ReviewState::kPending;
  }

  void on_reviewed(const Result<stage::Review>& reviewed) {
    if (!reviewed) {
      error_ = reviewed.error();
    } else {
      ++(reviewed->changed ? changed_ : gone_);
    }
    if (--outstanding_ > 0) return;
    if (error_) return fail(*error_);
    go_on();
  }

  void go_on() {
    if (rest_ && begun_ < request_.limit) return next_page();
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.pair("output", request_.output);
    json.key("changed");
    json.number(changed_);
    json.key("gone");
    json.number(gone_);
    if (rest_) json.pair("next", before_->text());
    json.end_object();
    call_->set_detail(std::to_string(changed_) + " changed");
    call_->answer_json(200, std::move(text));
  }

  void fail(const Error& error) {
    Problem problem = problem_of(error, "change the dead letters");
    problem.detail += " " + std::to_string(changed_) + " were changed before.";
    call_->answer(problem);
  }

  stage::Ledger& ledger_;
  const CallRef call_;
  const SweepRequest request_;
  std::optional<message::DeliveryId> before_;  // where the next page begins
  std::size_t outstanding_ = 0;
  std::int64_t begun_ = 0;
  std::int64_t changed_ = 0;
  std::int64_t gone_ = 0;  // no dead letter any more when its turn came
  bool rest_ = false;      // there may be dead letters below the cursor
  std::optional<Error> error_;
};

void sweep(AdminApi& api, const CallRef& call, Verb verb) {
  auto request = read_request(verb, call->body());
  if (!request) return call->answer(request.error());
  call->set_target(request->output);
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  std::make_shared<Sweep>(*ledger, call, std::move(*request))->next_page();
}

}  // namespace

void serve_redrive_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kRedrive); }
void serve_approve_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kApprove); }
void serve_discard_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kDiscard); }

}  // namespace tocsin::admin
