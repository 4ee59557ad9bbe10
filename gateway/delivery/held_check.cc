#include "gateway/delivery/held_check.h"

#include <algorithm>
#include <utility>

namespace tocsin::delivery {

stage::Owned& HeldCheck::list() {
  listing_ = true;
  op_.after = after_;
  op_.limit = kPageRows;
  return op_;
}

std::shared_ptr<const HeldQuestion> HeldCheck::on_listed(std::size_t loops) {
  listing_ = false;
  unheld_ = std::move(op_.owned);
  op_.owned.clear();
  const bool last = unheld_.size() < kPageRows;
  after_ = last ? message::DeliveryId{} : unheld_.back().id;
  if (unheld_.empty()) return nullptr;
  auto question = std::make_shared<HeldQuestion>();
  question->number = ++number_;
  for (const stage::OwnedDelivery& one : unheld_) question->ids.push_back(one.id);
  outstanding_ = loops;
  return question;
}

// Every answer counts as one, also to a question that was abandoned: a loop answers each.
void HeldCheck::on_answer(const HeldAnswer& answer) {
  --outstanding_;
  if (answer.number != number_) return;
  for (const message::DeliveryId id : answer.held) forget(id);
}

void HeldCheck::abandon() {
  ++number_;
  unheld_.clear();
  after_ = {};
}

std::span<const stage::OwnedDelivery> HeldCheck::unheld() const {
  if (outstanding_ > 0) return {};
  return unheld_;
}

void HeldCheck::forget(message::DeliveryId id) {
  const auto at = std::ranges::lower_bound(unheld_, id, {}, &stage::OwnedDelivery::id);
  if (at != unheld_.end() && at->id == id) unheld_.erase(at);
}

}  // namespace tocsin::delivery
