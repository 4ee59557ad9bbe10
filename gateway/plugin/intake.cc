#include "gateway/plugin/intake.h"

#include <string>
#include <utility>

#include "gateway/message/new_time.h"
#include "gateway/plugin/fault.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/text.h"
#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

namespace {

constexpr std::size_t kSpareMax = 256;

std::int64_t ns_of(WallTime when) { return when.time_since_epoch().count(); }

std::uint32_t kind_of(stage::EmitOutcome::Kind kind) {
  using Kind = stage::EmitOutcome::Kind;
  switch (kind) {
    case Kind::kCommitted:
      return TOCSIN_COMMITTED;
    case Kind::kDropped:
      return TOCSIN_DROPPED;
    case Kind::kUnrouted:
      return TOCSIN_UNROUTED;
    case Kind::kNoAddress:
      return TOCSIN_NO_ADDRESS;
    case Kind::kTooMany:
      return TOCSIN_TOO_MANY;
    case Kind::kReplayed:
      return TOCSIN_REPLAYED;
    case Kind::kConflict:
      return TOCSIN_CONFLICT;
    case Kind::kInvalid:
      return TOCSIN_ITEM_INVALID;
    case Kind::kStoreDown:
      return TOCSIN_STORE_DOWN;
    case Kind::kFull:
      return TOCSIN_INTAKE_FULL;
  }
  return TOCSIN_STORE_DOWN;
}

// A notification's rows as a plugin reads them, with the texts they point to.
struct LedgerPage {
  std::vector<std::string> ids;
  std::vector<tocsin_delivery_row> rows;

  explicit LedgerPage(const stage::QueryResult& result) {
    ids.reserve(result.deliveries.size());
    for (const stage::DeliveryRow& row : result.deliveries) {
      tocsin_delivery_row out{};
      out.size = sizeof(out);
      out.attempts = row.attempts;
      out.id = str_of(ids.emplace_back(row.id.text()));
      out.output = str_of(row.output);
      out.address = str_of(row.address);
      out.state = str_of(message::state_name(row.state));
      out.reason = str_of(row.reason);
      out.provider_id = str_of(row.provider_id);
      out.next_at_ns = ns_of(row.next_at);
      out.updated_at_ns = ns_of(row.updated_at);
      rows.push_back(out);
    }
  }
};

tocsin_ledger_answer empty_answer(std::uint32_t status) {
  tocsin_ledger_answer answer{};
  answer.size = sizeof(answer);
  answer.status = status;
  return answer;
}

std::uint32_t status_of_question(const Error& error) {
  return error.code == Code::kNotFound ? TOCSIN_NOT_FOUND : TOCSIN_UNAVAILABLE;
}

tocsin_ledger_answer answer_of(const Result<stage::Reschedule>& result) {
  if (!result) return empty_answer(status_of_question(result.error()));
  if (!result->found) return empty_answer(TOCSIN_NOT_FOUND);
  tocsin_ledger_answer answer = empty_answer(TOCSIN_OK);
  answer.rescheduled = result->rescheduled;
  answer.in_flight = result->in_flight;
  answer.done = result->done;
  answer.expires = result->expires ? 1 : 0;
  return answer;
}

}  // namespace

class Intake::Call final : public stage::EmitDone {
 public:
  explicit Call(Intake& owner) : owner_(owner) {}
  void on_emitted(std::span<const stage::EmitOutcome> came) override { owner_.finish(*this, came); }
  std::uint64_t user = 0;
  std::size_t index = 0;  // in open_
  std::vector<tocsin_emit_outcome> outcomes;
  std::vector<std::string> ids;

 private:
  Intake& owner_;
};

// The ledger cannot be told to forget a question, so its answer finds out whether anybody is left.
struct Intake::Shared {
  Intake* intake = nullptr;
  std::size_t questions = 0;
};

Intake::Intake(Worker& worker) : worker_(worker), shared_(std::make_shared<Shared>()) {
  shared_->intake = this;
}

Intake::~Intake() {
  shared_->intake = nullptr;
  for (const auto& call : open_) worker_.environment().emit->abandon(*call);
}

std::size_t Intake::under_way() const { return open_.size() + shared_->questions; }

std::uint32_t Intake::emit(const tocsin_emit_request& request) {
  stage::Emit* emit = worker_.environment().emit;
  if (emit == nullptr) return TOCSIN_UNAVAILABLE;
  if (worker_.instance().plugin().input == nullptr) return worker_.misused("emit by no input");
  if (request.size < sizeof(request) || request.count == 0 ||
      request.count > stage::kEmitItemsMax || request.items == nullptr ||
      !is_readable(request.caller)) {
    return worker_.misused("emit of a malformed request");
  }
  if (open_.size() >= kEmitsMax) return TOCSIN_FULL;
  items_.clear();
  for (std::uint32_t i = 0; i < request.count; ++i) {
    const tocsin_emit_item& item = item_of(request.items, request.stride, i);
    items_.push_back({view_of(item.json), view_of(item.idempotency_key)});
  }
  std::unique_ptr<Call> call;
  if (spare_.empty()) {
    call = std::make_unique<Call>(*this);
  } else {
    call = std::move(spare_.back());
    spare_.pop_back();
  }
  call->user = request.user;
  call->index = open_.size();
  stage::EmitRequest out;
  out.input = worker_.instance().id();
  out.caller = view_of(request.caller);
  out.stream = request.stream;
  out.items = items_;
  if (!emit->emit(out, *call)) {
    spare_.push_back(std::move(call));
    return TOCSIN_FULL;
  }
  open_.push_back(std::move(call));
  return TOCSIN_OK;
}

void Intake::finish(Call& call, std::span<const stage::EmitOutcome> outcomes) {
  std::unique_ptr<Call> over = std::move(open_[call.index]);
  if (over->index + 1 < open_.size()) {
    open_[over->index] = std::move(open_.back());
    open_[over->index]->index = over->index;
  }
  open_.pop_back();
  over->outcomes.clear();
  over->ids.clear();
  over->ids.reserve(outcomes.size());
  for (const stage::EmitOutcome& outcome : outcomes) {
    tocsin_emit_outcome out{};
    out.size = sizeof(out);
    out.kind = kind_of(outcome.kind);
    if (outcome.id) out.id = str_of(over->ids.emplace_back(outcome.id.text()));
    out.deliveries = outcome.deliveries;
    out.pointer = str_of(outcome.pointer);
    out.text = str_of(outcome.text);
    out.retry_after_ns = outcome.retry_after.count();
    over->outcomes.push_back(out);
  }
  {
    const Worker::Inside inside(worker_, "on_emitted");
    worker_.instance().plugin().input->on_emitted(worker_.self(), over->user, over->outcomes.data(),
                                                  static_cast<std::uint32_t>(over->outcomes.size()),
                                                  sizeof(tocsin_emit_outcome));
  }
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(over));
}

void Intake::answer(const tocsin_ledger_answer& answer, Answered fn, void* user) {
  const Worker::Inside inside(worker_, "ledger");
  fn(user, &answer);
}

std::uint32_t Intake::get(std::string_view id, std::string_view caller, Answered fn, void* user) {
  stage::Ledger* ledger = worker_.environment().ledger;
  if (ledger == nullptr) return TOCSIN_UNAVAILABLE;
  if (fn == nullptr) return worker_.misused("notification_get without a function");
  const auto parsed = message::NotificationId::parse(id);
  if (!parsed) return TOCSIN_NOT_FOUND;
  if (shared_->questions >= kQuestionsMax) return TOCSIN_FULL;
  ++shared_->questions;
  stage::Query query;
  query.what = stage::Query::What::kNotification;
  query.id = *parsed;
  ledger->query(std::move(query), [shared = shared_, fn, user, caller = std::string(caller)](
                                      Result<stage::QueryResult> result) {
    --shared->questions;
    if (shared->intake == nullptr) return;
    if (!result) {
      return shared->intake->answer(empty_answer(status_of_question(result.error())), fn, user);
    }
    if (!result->notification || result->notification->caller != caller) {
      return shared->intake->answer(empty_answer(TOCSIN_NOT_FOUND), fn, user);
    }
    const LedgerPage page(*result);
    const std::string id_text = result->notification->id.text();
    tocsin_ledger_answer answer = empty_answer(TOCSIN_OK);
    answer.id = str_of(id_text);
    answer.accepted_at_ns = ns_of(result->notification->accepted_at);
    answer.payload = str_of(result->notification->payload);
    answer.deliveries = page.rows.data();
    answer.count = static_cast<std::uint32_t>(page.rows.size());
    answer.stride = sizeof(tocsin_delivery_row);
    shared->intake->answer(answer, fn, user);
  });
  return TOCSIN_OK;
}

std::uint32_t Intake::cancel(std::string_view id, std::string_view caller, Answered fn,
                             void* user) {
  stage::Ledger* ledger = worker_.environment().ledger;
  if (ledger == nullptr) return TOCSIN_UNAVAILABLE;
  if (fn == nullptr) return worker_.misused("notification_cancel without a function");
  const auto parsed = message::NotificationId::parse(id);
  if (!parsed) return TOCSIN_NOT_FOUND;
  if (shared_->questions >= kQuestionsMax) return TOCSIN_FULL;
  ++shared_->questions;
  ledger->cancel(*parsed, caller,
                 [shared = shared_, fn, user, parsed](Result<stage::Cancel> result) {
                   --shared->questions;
                   if (shared->intake == nullptr) return;
                   tocsin_ledger_answer answer = empty_answer(TOCSIN_OK);
                   if (!result) {
                     answer.status = status_of_question(result.error());
                   } else if (!result->found) {
                     answer.status = TOCSIN_NOT_FOUND;
                   } else {
                     answer.cancelled = result->cancelled;
                     answer.in_flight = result->in_flight;
                     answer.done = result->done;
                   }
                   const std::string id_text = parsed->text();
                   answer.id = str_of(id_text);
                   shared->intake->answer(answer, fn, user);
                 });
  return TOCSIN_OK;
}

// Never inside the call that asked.
template <typename Tell>
void Intake::answer_later(Tell tell) {
  ++shared_->questions;
  worker_.loop().post([shared = shared_, tell = std::move(tell)]() mutable {
    --shared->questions;
    if (shared->intake != nullptr) tell(*shared->intake);
  });
}

std::uint32_t Intake::reschedule(std::string_view id, std::string_view caller,
                                 std::string_view json, Answered fn, void* user) {
  stage::Ledger* ledger = worker_.environment().ledger;
  if (ledger == nullptr) return TOCSIN_UNAVAILABLE;
  if (fn == nullptr) return worker_.misused("notification_reschedule without a function");
  const auto parsed = message::NotificationId::parse(id);
  if (!parsed) return TOCSIN_NOT_FOUND;
  if (shared_->questions >= kQuestionsMax) return TOCSIN_FULL;
  auto when = message::decode_new_time(json, worker_.loop().wall());
  if (!when) {
    answer_later([fault = std::move(when.error()), fn, user](Intake& self) {
      tocsin_ledger_answer answer = empty_answer(TOCSIN_INVALID);
      answer.text = str_of(fault.detail);
      answer.pointer = str_of(fault.pointer);
      self.answer(answer, fn, user);
    });
    return TOCSIN_OK;
  }
  ++shared_->questions;
  ledger->reschedule(*parsed, caller, *when,
                     [shared = shared_, fn, user, parsed](const Result<stage::Reschedule>& result) {
                       --shared->questions;
                       if (shared->intake == nullptr) return;
                       const std::string id_text = parsed->text();
                       tocsin_ledger_answer answer = answer_of(result);
                       answer.id = str_of(id_text);
                       shared->intake->answer(answer, fn, user);
                     });
  return TOCSIN_OK;
}

}  // namespace tocsin::plugin
