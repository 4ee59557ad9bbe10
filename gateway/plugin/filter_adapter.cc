#include "gateway/plugin/filter_adapter.h"

#include <utility>

#include "gateway/plugin/text.h"

namespace tocsin::plugin {

using stage::FilterStatus;

FilterAdapter::Held::Held(FilterAdapter& owner)
    : deadline(owner.worker_.loop().timers(), [this, &owner] { owner.expire(*this); }) {}

FilterAdapter::FilterAdapter(Worker& worker) : worker_(worker), held_(4, kHoldsMax) {
  worker_.completions().decisions = this;
}

FilterAdapter::~FilterAdapter() {
  worker_.completions().decisions = nullptr;
  worker_.forget(*this);
}

FilterStatus FilterAdapter::on_message(stage::FilterCall& call) {
  tocsin_token token = 0;
  Held* held = held_.add(token, [this] { return std::make_unique<Held>(*this); });
  if (held == nullptr) {
    worker_.instance().metrics().expired->add();
    return FilterStatus::kPass;
  }
  held->call = &call;
  held->token = token;
  tocsin_filter_call asked{};
  asked.size = sizeof(asked);
  asked.token = token;
  asked.notification = &view_.show(call.notification());
  asked.identity = str_of(call.identity());
  std::uint32_t decision = TOCSIN_PASS;
  std::optional<FilterStatus> decided_at_once;
  {
    asking_ = token;
    const Worker::Inside inside(worker_, "on_message");
    decision = worker_.instance().plugin().filter->on_message(worker_.self(), &asked);
    // Before `inside` ends: what was noted runs then, and may come here for another message.
    asking_ = 0;
    decided_at_once = std::exchange(decided_while_asking_, std::nullopt);
  }
  if (asked.reservation != 0) {
    ++outcomes_owed_;
    call.remember(asked.reservation);
  }
  if (decided_at_once) return *decided_at_once;
  if (decision == TOCSIN_HOLD) return hold(token);
  held_.give_back(held_.take(token));
  if (decision == TOCSIN_DROP) return FilterStatus::kDrop;
  if (decision != TOCSIN_PASS) worker_.misused("on_message returned no decision");
  return FilterStatus::kPass;
}

FilterStatus FilterAdapter::hold(tocsin_token token) {
  held_.find(token)->deadline.arm_after(kHoldMax);
  return FilterStatus::kHold;
}

void FilterAdapter::on_outcome(std::uint64_t reservation, bool committed) {
  --outcomes_owed_;
  const auto hear = worker_.instance().plugin().filter->on_outcome;
  if (hear == nullptr) return;
  const Worker::Inside inside(worker_, "on_outcome");
  hear(worker_.self(), reservation, committed ? 1 : 0);
}

void FilterAdapter::expire(Held& held) {
  if (const auto skipped = expired_lines_.admit(worker_.loop().now())) {
    TOCSIN_LOG(worker_.instance().services().log, kWarning, worker_.instance().logger(),
               "the filter held a message too long: it passes",
               {"plugin", worker_.instance().label()}, {"hold_max_ms", kHoldMax},
               {"suppressed", *skipped});
  }
  pass(held);
}

void FilterAdapter::pass(Held& held) {
  std::unique_ptr<Held> over = held_.take(held.token);
  over->deadline.cancel();
  stage::FilterCall& call = *over->call;
  held_.give_back(std::move(over));
  worker_.instance().metrics().expired->add();
  call.decide(FilterStatus::kPass);
}

void FilterAdapter::cut() {
  for (const tocsin_token token : held_.all()) {
    if (Held* held = held_.find(token)) pass(*held);
  }
}

std::uint32_t FilterAdapter::decide(tocsin_token token, std::uint32_t decision) {
  std::unique_ptr<Held> held = held_.take(token);
  if (held == nullptr) return worker_.late("filter_decide");
  held->deadline.cancel();
  stage::FilterCall& call = *held->call;
  held_.give_back(std::move(held));
  std::uint32_t answer = TOCSIN_OK;
  if (decision != TOCSIN_PASS && decision != TOCSIN_DROP) {
    answer = worker_.misused("filter_decide without a decision");
  }
  const FilterStatus status = decision == TOCSIN_DROP ? FilterStatus::kDrop : FilterStatus::kPass;
  if (token == asking_) {
    decided_while_asking_ = status;
  } else {
    decided_.push_back({&call, status});
    worker_.note(*this);
  }
  return answer;
}

void FilterAdapter::after_callback() {
  telling_.swap(decided_);
  for (const Decided& one : telling_) one.call->decide(one.status);
  telling_.clear();
}

}  // namespace tocsin::plugin
