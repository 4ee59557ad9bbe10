#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "gateway/delivery/pace_book.h"
#include "gateway/event/loop.h"
#include "gateway/stage/records.h"
#include "gateway/telemetry/log.h"

// What lanes know of their pace, kept as records of the store beside the outbox, so that a process
// that comes after this one, however this one ended, does not begin with a pause of a receiver, or
// an operator's word, forgotten:
//
//   a gate or the breaker changes ------> within kWriteAfter --> record "INSTANCE/OUTPUT"
//   an operator's word, a lane that ends ----------- at once --> (removed once it says nothing)
//
// Deliveries never write here. What a crash loses is what changed within kWriteAfter, and what a
// rate had spent, which is written when a lane ends.

namespace tocsin::delivery {

/// Writes the states of one loop's lanes. The loop's thread.
class PaceKeeper {
 public:
  static constexpr Duration kWriteAfter = std::chrono::milliseconds(250);
  /// After a write that failed.
  static constexpr Duration kRetryAfter = std::chrono::seconds(5);

  /// Everything outlives this object; of `records` every answer has come when it ends.
  PaceKeeper(event::Loop& loop, stage::Records& records, PaceBook& book, telemetry::Log& log);
  PaceKeeper(const PaceKeeper&) = delete;
  PaceKeeper& operator=(const PaceKeeper&) = delete;

  enum class When { kSoon, kAtOnce };
  void keep(const std::string& output, PaceState state, When when);
  /// Writes nothing any more: another process keeps them.
  void stop();

 private:
  void write_all();
  void write(const std::string& output, const PaceState& state);
  void on_written(const std::string& output, const PaceState& state, std::uint64_t change,
                  const Result<stage::RecordOutcome>& written);

  event::Loop& loop_;
  stage::Records& records_;
  PaceBook& book_;
  telemetry::Log& log_;
  std::map<std::string, PaceState> waiting_;
  std::map<std::string, std::uint64_t> changes_;  // how many states of an output came so far
  event::Timer timer_;
  bool stopped_ = false;
};

}  // namespace tocsin::delivery
