#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gateway/delivery/submission.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

/// Finds rows that our epoch owns in the store and nothing in memory stands for, such as those of a
/// claim whose answer was lost: no lane would ever settle them. A page of owned rows at a time,
///
///   list (in a batch) --> question to every loop --> answers: held here --> what is left
///
/// and a row that is handed to a lane meanwhile is left out: when the list is asked about, whatever
/// was handed over before it has reached its lane, since both go the same way. The front's loop.
class HeldCheck {
 public:
  static constexpr std::uint32_t kPageRows = stage::kPageRowsMax;

  /// Whether another page may be listed.
  bool idle() const { return outstanding_ == 0 && unheld_.empty() && !listing_; }
  /// The operation that lists the next page, for one batch.
  stage::Owned& list();
  bool listing() const { return listing_; }
  /// The batch was committed: what to ask each of `loops` loops. Null: there is nothing to ask.
  std::shared_ptr<const HeldQuestion> on_listed(std::size_t loops);
  /// It was not, or nobody knows.
  void on_not_listed() { listing_ = false; }
  /// Whether the pages are through, from the first to the last.
  bool complete() const { return after_.notification.value == 0; }

  /// A lane is given this one.
  void on_handed(message::DeliveryId id) {
    if (!unheld_.empty()) forget(id);
  }
  void on_answer(const HeldAnswer& answer);
  /// The epoch has ended, and with it what it owned.
  void abandon();

  /// Once every loop has answered: what nobody holds.
  std::span<const stage::OwnedDelivery> unheld() const;
  void forget(message::DeliveryId id);

 private:
  stage::Owned op_;
  bool listing_ = false;
  message::DeliveryId after_;                 // where the next page begins
  std::uint64_t number_ = 0;                  // of the question
  std::size_t outstanding_ = 0;               // answers
  std::vector<stage::OwnedDelivery> unheld_;  // ascending; candidates until all have answered
};

}  // namespace tocsin::delivery
