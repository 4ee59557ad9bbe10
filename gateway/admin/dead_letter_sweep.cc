// One decision on many dead letters:
//
//   a page of those that are meant -> a review for each, all at once -> the next page -> ...
//
// The front puts the reviews of a page into one batch, so a page costs one commit. The list goes
// from new to old and the cursor only moves down: what is redriven and dies again is not met twice.
//
// With a pace a page is a tenth of a second's worth, and the next one waits for its time. Such a
// request ends after some seconds and says where to go on, having waited for what it did, so that
// the pace holds over requests; where the next one is due later, the client is told how long to
// wait for it instead of being kept. It also ends with its client: who paces wants to see how it
// goes; and when the store goes away meanwhile, as it does in a process that another replaces, it
// says what it has done and where to go on.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/known_output.h"
#include "gateway/admin/rows_json.h"
#include "gateway/admin/sweep_order.h"
#include "gateway/event/loop.h"

namespace tocsin::admin {

namespace {

using message::ReviewState;
using Verb = stage::Review::Verb;

constexpr std::uint32_t kPageRows = 100;
constexpr std::size_t kSampleMax = 10;
constexpr double kPaceStepSeconds = 0.1;
constexpr Duration kPacedMax = std::chrono::seconds(5);  // of one request
constexpr std::size_t kLookedAtMax = 20'000;             // of one request

/// Lives in the callbacks it waits for: the ledger's, and while it waits for its pace the call's.
class Sweep final : public std::enable_shared_from_this<Sweep> {
 public:
  Sweep(AdminApi& api, CallRef call, SweepOrder order)
      : api_(api),
        call_(std::move(call)),
        order_(std::move(order)),
        before_(order_.before),
        step_(pace_step(order_)),
        began_at_(call_->loop().timers().now()),
        pace_(call_->loop().timers(), [this] { on_time(); }) {}

  void next_step() {
    if (!order_.ids.empty()) return order_.dry_run ? look_up() : review_ids();
    next_letters(
        *api_.parts().ledger, order_.filter, before_, kPageRows,
        [self = shared_from_this()](Result<LetterPage> page) { self->on_page(std::move(page)); });
  }

 private:
  static std::size_t pace_step(const SweepOrder& order) {
    if (!order.per_second || order.dry_run) return kPageRows;
    const double letters = std::clamp(*order.per_second * kPaceStepSeconds, 1.0, 1.0 * kPageRows);
    return static_cast<std::size_t>(letters);
  }

  // --- by a filter ---

  void on_page(Result<LetterPage> page) {
    page_before_ = before_;
    page_matched_ = matched_;
    if (!page) return fail(page.error());
    const bool nothing_at_all = looked_at_ == 0 && page->rows.deliveries.empty();
    if (nothing_at_all && !order_.filter.output.empty()) return doubt_output();
    looked_at_ += page->rows.deliveries.size();
    std::vector<message::DeliveryId> chosen;
    std::size_t seen = 0;
    for (const LetterPage::Letter& letter : page->letters) {
      if (chosen.size() == step_ || matched_ == order_.limit) break;
      ++seen;
      before_ = letter.row->id;
      if (!counts(*letter.row)) continue;
      chosen.push_back(letter.row->id);
      take(*letter.row, letter.of);
    }
    const bool all_seen = seen == page->letters.size();
    if (all_seen && page->next) before_ = page->next;
    rest_ = !all_seen || page->next.has_value();
    if (chosen.empty() || order_.dry_run) return go_on();
    review(std::move(chosen));
  }

  bool counts(const stage::DeliveryRow& row) const {
    if (row.review == ReviewState::kDiscarded) return false;
    return order_.verb != Verb::kApprove || row.review == ReviewState::kPending ||
           order_.filter.review.has_value();
  }

  void doubt_output() {
    look_for_output(api_, order_.filter.output, before_,
                    [self = shared_from_this()](std::optional<Problem> problem) {
                      if (!problem) return self->finish();
                      if (problem->status == 404) problem->pointer = "/output";
                      self->call_->answer(*problem);
                    });
  }

  // --- by ids ---

  void review_ids() {
    const auto first = order_.ids.begin() + static_cast<std::ptrdiff_t>(taken_);
    const std::size_t count = std::min(step_, order_.ids.size() - taken_);
    taken_ += count;
    matched_ += static_cast<std::int64_t>(count);
    rest_ = taken_ < order_.ids.size();
    review({first, first + static_cast<std::ptrdiff_t>(count)});
  }

  // A dry run looks at one after the other.
  void look_up() {
    stage::Query query;
    query.what = stage::Query::What::kNotification;
    query.id = order_.ids[taken_].notification;
    api_.parts().ledger->query(
        std::move(query),
        [self = shared_from_this()](Result<stage::QueryResult> found) { self->on_found(found); });
  }

  void on_found(const Result<stage::QueryResult>& found) {
    if (!found) return fail(found.error());
    const message::DeliveryId id = order_.ids[taken_++];
    const auto row = std::ranges::find(found->deliveries, id, &stage::DeliveryRow::id);
    if (row != found->deliveries.end() && row->state == message::DeliveryState::kDead) {
      take(*row, found->notification ? &*found->notification : nullptr);
    } else {
      gone_ids_.push_back(id);
    }
    rest_ = taken_ < order_.ids.size();
    go_on();
  }

  // --- both ---

  void take(const stage::DeliveryRow& row, const stage::NotificationRow* of) {
    ++matched_;
    if (!order_.dry_run || sample_.size() == kSampleMax) return;
    std::string& text = sample_.emplace_back();
    JsonWriter json(text);
    json.begin_object();
    letter_members(json, row, of);
    json.end_object();
  }

  void review(std::vector<message::DeliveryId> chosen) {
    outstanding_ = chosen.size();
    for (const message::DeliveryId id : chosen) {
      api_.parts().ledger->review(
          id, order_.verb, [self = shared_from_this(), id](const Result<stage::Review>& done) {
            self->on_reviewed(id, done);
          });
    }
  }

  void on_reviewed(message::DeliveryId id, const Result<stage::Review>& reviewed) {
    if (!reviewed) {
      error_ = reviewed.error();
    } else if (reviewed->changed) {
      ++changed_;
    } else {
      gone_ids_.push_back(id);
    }
    if (--outstanding_ > 0) return;
    if (error_) return fail(*error_);
    if (!order_.per_second || !rest_ || call_->abandoned()) return go_on();
    wait();
  }

  void wait() {
    const Duration due = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(matched_) / *order_.per_second));
    if (due > kPacedMax) {
      wait_left_ = began_at_ + due - call_->loop().timers().now();
      return finish();
    }
    pace_.arm_at(began_at_ + due);
    call_->on_gone([self = shared_from_this()] {
      self->pace_.cancel();
      self->finish();
    });
  }

  void on_time() {
    // What is called may answer, which lets go of us: not before this tick is over.
    call_->loop().post([self = shared_from_this()] {});
    call_->on_gone({});
    if (call_->loop().timers().now() - began_at_ >= kPacedMax) return finish();
    go_on();
  }

  void go_on() {
    const bool more = rest_ && (!order_.ids.empty() || matched_ < order_.limit);
    if (!more || call_->abandoned() || looked_at_ >= kLookedAtMax) return finish();
    next_step();
  }

  void finish() {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    if (!order_.filter.output.empty()) json.pair("output", order_.filter.output);
    count_pair(json, "matched", static_cast<std::uint64_t>(matched_));
    count_pair(json, "changed", changed_);
    count_pair(json, "gone", gone_ids_.size());
    if (order_.dry_run) write_sample(json);
    if (!order_.ids.empty()) write_ids(json);
    if (order_.ids.empty() && rest_) json.pair("next", before_->text());
    if (rest_ && wait_left_ > Duration::zero()) {
      json.key("wait_ms");
      json.number(std::chrono::ceil<std::chrono::milliseconds>(wait_left_).count());
    }
    json.end_object();
    std::string detail = order_.dry_run ? "dry run: " + std::to_string(matched_) + " match"
                                        : std::to_string(changed_) + " changed";
    if (!order_.ids.empty()) detail += " of " + std::to_string(order_.ids.size()) + " ids";
    if (!order_.filter.text().empty()) detail += "; " + order_.filter.text();
    call_->set_detail(std::move(detail));
    call_->answer_json(200, std::move(text));
  }

  void write_sample(JsonWriter& json) const {
    json.key("dry_run");
    json.boolean(true);
    json.key("sample");
    json.begin_array();
    for (const std::string& letter : sample_) json.json(letter);
    json.end_array();
  }

  // Ids need no cursor: what was not reached is told by name.
  void write_ids(JsonWriter& json) const {
    json.key("gone_ids");
    json.begin_array();
    for (const message::DeliveryId id : gone_ids_) json.text(id.text());
    json.end_array();
    if (!rest_) return;
    json.key("rest_ids");
    json.begin_array();
    for (std::size_t i = taken_; i < order_.ids.size(); ++i) json.text(order_.ids[i].text());
    json.end_array();
  }

  void fail(const Error& error) {
    if (order_.per_second && page_before_ && changed_ > 0) {
      before_ = page_before_;
      matched_ = page_matched_;
      rest_ = true;
      return finish();
    }
    Problem problem = problem_of(error, "change the dead letters");
    problem.detail += " " + std::to_string(changed_) + " were changed before.";
    call_->answer(problem);
  }

  AdminApi& api_;
  const CallRef call_;
  const SweepOrder order_;
  std::optional<message::DeliveryId> before_;       // where the next page begins
  std::optional<message::DeliveryId> page_before_;  // and this one; nothing: at the newest
  const std::size_t step_;                          // letters at once
  const MonoTime began_at_;
  event::Timer pace_;
  std::size_t taken_ = 0;  // of the ids
  std::size_t outstanding_ = 0;
  std::size_t looked_at_ = 0;
  std::int64_t matched_ = 0;
  std::int64_t page_matched_ = 0;  // before this page
  std::uint64_t changed_ = 0;
  std::vector<message::DeliveryId> gone_ids_;  // no dead letter any more when its turn came
  std::vector<std::string> sample_;
  bool rest_ = false;                      // there may be more
  Duration wait_left_ = Duration::zero();  // until that is due
  std::optional<Error> error_;
};

void sweep(AdminApi& api, const CallRef& call, Verb verb) {
  auto order = read_sweep_order(verb, call->body(), call->loop().wall());
  if (!order) return call->answer(order.error());
  call->set_target(order->filter.output);
  if (ledger_or_answer(api, call) == nullptr) return;
  std::make_shared<Sweep>(api, call, std::move(*order))->next_step();
}

}  // namespace

void serve_redrive_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kRedrive); }
void serve_approve_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kApprove); }
void serve_discard_many(AdminApi& api, const CallRef& call) { sweep(api, call, Verb::kDiscard); }

}  // namespace tocsin::admin
