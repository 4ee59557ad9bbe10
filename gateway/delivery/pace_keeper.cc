#include "gateway/delivery/pace_keeper.h"

#include <utility>

namespace tocsin::delivery {

PaceKeeper::PaceKeeper(event::Loop& loop, stage::Records& records, PaceBook& book,
                       telemetry::Log& log)
    : loop_(loop), records_(records), book_(book), log_(log), timer_(loop.timers(), [this] {
        write_all();
      }) {}

void PaceKeeper::keep(const std::string& output, PaceState state, When when) {
  loop_.assert_owner();
  if (stopped_) return;
  book_.note(output, state);
  ++changes_[output];
  const bool first = waiting_.empty();
  waiting_.insert_or_assign(output, std::move(state));
  if (when == When::kAtOnce) return write_all();
  if (first) timer_.arm_after(kWriteAfter);
}

void PaceKeeper::stop() {
  stopped_ = true;
  timer_.cancel();
  waiting_.clear();
}

void PaceKeeper::write_all() {
  timer_.cancel();
  for (const auto& [output, state] : std::exchange(waiting_, {})) write(output, state);
}

void PaceKeeper::write(const std::string& output, const PaceState& state) {
  const bool worth = state.worth_keeping();
  if (!book_.recorded(output, worth) && !worth) return;
  const auto written = [this, output, state,
                        change = changes_[output]](const Result<stage::RecordOutcome>& came_to) {
    on_written(output, state, change, came_to);
  };
  if (!worth) {
    return records_.remove(kPaceCollection, book_.key_of(output), stage::kAnyVersion, written);
  }
  records_.put({.collection = std::string(kPaceCollection),
                .key = book_.key_of(output),
                .value = encode_pace_state(state),
                .ttl = state.keep()},
               written);
}

// What is newer by now waits, is under way, or is written: it must not be written over.
void PaceKeeper::on_written(const std::string& output, const PaceState& state, std::uint64_t change,
                            const Result<stage::RecordOutcome>& written) {
  if (written || stopped_) return;
  TOCSIN_LOG(log_, kWarning, "delivery", "what an output's pace knows is not yet kept",
             {"output", output}, {"error", written.error().text()});
  book_.recorded(output, true);  // for all that is known
  if (changes_[output] != change) return;
  if (waiting_.empty()) timer_.arm_after(kRetryAfter);
  waiting_.try_emplace(output, state);
}

}  // namespace tocsin::delivery
