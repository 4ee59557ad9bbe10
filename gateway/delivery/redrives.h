#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/delivery/batch.h"
#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/door_book.h"
#include "gateway/delivery/submission.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

/// When dead letters are sent again that wait for it: each at its time; one before that when its
/// output's breaker wants a probe and nothing else is there; and once that breaker has closed all
/// of that output, a step at a time so that other work goes on between.
///
///   take() --> in a batch --> commit() | fail() | repeat()
///
/// The front's loop.
class Redrives {
 public:
  /// Dead letters that one operation sends again.
  static constexpr std::uint32_t kRowsMax = 256;
  /// How often one looks for such of others on the store.
  static constexpr Duration kLookEvery = std::chrono::minutes(1);
  /// Between the steps of what recovered.
  static constexpr Duration kStepEvery = std::chrono::seconds(1);
  /// What an output expects within this is its probe, rather than a dead letter.
  static constexpr Duration kProbePatience = std::chrono::minutes(1);
  /// After a batch that failed.
  static constexpr Duration kRetryEvery = std::chrono::seconds(5);

  /// `wake` is called when something is due.
  Redrives(event::TimerWheel& wheel, Function<void()> wake);

  /// A dead letter was written that is sent again at `at`.
  void expect(WallTime at, WallTime now);
  /// The breaker of `output` has closed. `asked` comes back once no dead letter of it waits for
  /// that any more: from commit(), or undone from abandon() or cancel().
  void on_recovered(std::string_view output, Submission& asked);
  /// The breaker of `output` wants a probe.
  void on_probe(std::string_view output);

  bool due() const { return due_ || step_due_; }
  /// Adds to the batch what is due; false: nothing is.
  bool take(Batch& batch, WallTime now);
  /// What take() added was committed: counts it, and tells the doors whose dead letters are ready.
  /// Null: nobody's recovery is over.
  [[nodiscard]] Submission* commit(DoorBook& doors, FrontMetrics& metrics, WallTime now);
  /// It was not, and is tried again later.
  void fail(WallTime now);
  /// Nobody knows: it is asked again, which does no harm.
  void repeat();
  /// Its lane ends; null: it asked for nothing. Between two batches.
  [[nodiscard]] Submission* abandon(std::string_view output);
  /// All that were asked for.
  SubmissionList cancel();

 private:
  struct Step {
    std::string output;
    Submission* asked;  // null: one dead letter, as a probe, and no more
  };
  Step* find(std::string_view output);
  void add(Step step);
  void take_step(Batch& batch, WallTime now);
  Submission* commit_step(DoorBook& doors, FrontMetrics& metrics);

  Function<void()> wake_;
  stage::RedriveDue timed_;
  bool due_ = true;
  bool timed_taken_ = false;
  WallTime at_ = WallTime::max();  // when timer_ ends
  event::Timer timer_;

  stage::RedriveDue step_;
  std::deque<Step> steps_;  // one of an output; the first is next
  bool step_due_ = false;
  bool step_taken_ = false;
  event::Timer step_timer_;
};

}  // namespace tocsin::delivery
