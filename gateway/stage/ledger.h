#pragma once

#include <string_view>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/stage/storage.h"

namespace tocsin::stage {

/// Reading and changing what was accepted, for inputs and the admin address. One per loop;
/// callbacks come on that loop, once, never inside the call. Errors: kUnavailable, kFull.
class Ledger {
 public:
  virtual ~Ledger() = default;
  /// Whether notifications are kept, as far as this loop was told; false while the store cannot
  /// commit them, though what it holds may still be read.
  virtual bool accepting() const = 0;
  virtual void query(Query query, Function<void(Result<QueryResult>)> done) = 0;
  virtual void cancel(message::NotificationId id, std::string_view caller,
                      Function<void(Result<Cancel>)> done) = 0;
  /// Gives what waits of it another time, at once when that has passed.
  virtual void reschedule(message::NotificationId id, std::string_view caller, WallTime deliver_at,
                          Function<void(Result<Reschedule>)> done) = 0;
  virtual void review(message::DeliveryId id, Review::Verb verb,
                      Function<void(Result<Review>)> done) = 0;
  /// One step of at most kMoveRowsMax rows.
  virtual void move(std::string_view from, std::string_view to, bool dead,
                    Function<void(Result<Move>)> done) = 0;
};

}  // namespace tocsin::stage
