#include "gateway/app/pipeline_watch.h"

#include <utility>

namespace tocsin::app {

using stage::FilterStatus;

FilterStatus FilterWatch::on_message(stage::FilterCall& call) {
  asked_ = &call;
  began_ = clock_.mono();
  const FilterStatus status = watched_.on_message(*this);
  if (status != FilterStatus::kHold) note(status);
  return status;
}

void FilterWatch::remember(std::uint64_t reservation) {
  step_->remembers = true;
  asked_->remember(reservation);
}

void FilterWatch::decide(FilterStatus status) {
  note(status);
  std::exchange(asked_, nullptr)->decide(status);
}

void FilterWatch::note(FilterStatus status) {
  step_->held = clock_.mono() - began_;
  step_->decision =
      status == FilterStatus::kDrop ? Rehearsed::Decision::kDropped : Rehearsed::Decision::kPassed;
}

}  // namespace tocsin::app
