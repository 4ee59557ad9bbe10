// How a head, a body and trailers move over the steps of one direction. What each step does and
// where the direction ends is the subclass's; here is only the order, the holding and the
// collecting.
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/http/filter_chain.h"

namespace tocsin::http {

void FilterFlow::start(std::size_t steps) {
  TOCSIN_ASSERT(steps <= kStepsMax && !pumping_, "a filter flow was started too long or too early");
  for (std::size_t i = 0; i < steps; ++i) wishes_[i] = {};
  for (std::string* kept : {&waiting_, &collected_, &carried_.bytes}) {
    if (kept->capacity() > kKeptMax) *kept = {};
    kept->clear();
  }
  carried_.next_step = kNone;
  at_ = Progress{};
  at_.steps = steps;
}

void FilterFlow::push_head(bool end) {
  at_.head_arrived = true;
  at_.head_end = end;
  pump();
}

void FilterFlow::push_data(std::string_view bytes, bool end) {
  if (at_.stopped || at_.replaced) return;
  const bool nothing_waits = waiting_.empty() && carried_.next_step == kNone;
  if (pumping_ || !nothing_waits || !can_walk_data()) {
    wait(bytes, end);
    return;
  }
  pumping_ = true;
  walk_data(0, bytes, end);
  pumping_ = false;
  pump();
}

void FilterFlow::push_trailers(HeaderMap& trailers) {
  if (at_.stopped || at_.replaced) return;
  at_.trailers = &trailers;
  pump();
}

void FilterFlow::wait(std::string_view bytes, bool end) {
  waiting_.append(bytes);
  at_.waiting_end = at_.waiting_end || end;
  if (waiting_.size() > kWaitingMax && !at_.source_held) {
    at_.source_held = true;
    hold_source();
  }
}

void FilterFlow::resume(std::size_t step) {
  if (at_.held && at_.held_step == step) {
    at_.held = false;
    pump();
  } else if (at_.running == step) {
    at_.resumed_early = step;
  }
}

void FilterFlow::stop() {
  at_.stopped = true;
  waiting_.clear();
  collected_.clear();
  carried_.next_step = kNone;
}

void FilterFlow::replace(std::size_t step, std::string_view body) {
  TOCSIN_ASSERT(!at_.head_delivered, "an answer was replaced after its head had left");
  waiting_.clear();
  collected_.clear();
  at_.waiting_end = false;
  at_.trailers = nullptr;
  at_.collecting = kNone;
  at_.held = false;
  at_.replaced = true;
  at_.entered = step;
  for (std::size_t i = 0; i < step; ++i) at_.collected_steps |= std::uint32_t{1} << i;
  at_.head_end = body.empty();
  carried_.next_step = body.empty() ? kNone : step;
  carried_.bytes.assign(body);
  carried_.end = true;
  pump();
}

void FilterFlow::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (!at_.stopped && !at_.held && walk_next()) {
  }
  pumping_ = false;
  if (at_.source_held && !at_.held && !at_.stopped && waiting_.size() <= kWaitingMax / 2) {
    at_.source_held = false;
    release_source();
  }
}

// One thing that can move now; false when nothing can.
bool FilterFlow::walk_next() {
  if (!at_.head_delivered && at_.collecting == kNone) {
    if (!at_.head_arrived) return false;
    walk_head();
    return true;
  }
  if (carried_.next_step != kNone) {
    const std::string bytes = std::move(carried_.bytes);
    walk_data(std::exchange(carried_.next_step, kNone), bytes, carried_.end);
    return true;
  }
  if (!waiting_.empty() || at_.waiting_end) {
    const std::string bytes = std::exchange(waiting_, {});
    walk_data(0, bytes, std::exchange(at_.waiting_end, false));
    return true;
  }
  if (at_.trailers == nullptr) return false;
  walk_trailers();
  return true;
}

// Returns whether the walk goes on to the next step.
bool FilterFlow::settle(std::size_t step, FilterStatus status) {
  at_.running = kNone;
  const bool resumed = std::exchange(at_.resumed_early, kNone) == step;
  if (at_.stopped) return false;
  if (status == FilterStatus::kRespond) {
    answer_from(step);
    return false;
  }
  if (status == FilterStatus::kContinue || resumed) return true;
  at_.held = true;
  at_.held_step = step;
  return false;
}

bool FilterFlow::must_collect() const {
  if (at_.entered == 0 || at_.head_end) return false;
  const std::size_t step = at_.entered - 1;
  return wishes_[step].kind == BodyWish::Kind::kBuffer && ((at_.collected_steps >> step) & 1U) == 0;
}

void FilterFlow::walk_head() {
  while (true) {
    if (must_collect()) {
      at_.collecting = at_.entered - 1;
      return;
    }
    if (at_.entered == at_.steps) break;
    const std::size_t step = at_.entered++;
    at_.running = step;
    if (!settle(step, head_hook(step, at_.head_end))) return;
  }
  at_.head_delivered = true;
  deliver_head(at_.head_end);
}

void FilterFlow::walk_data(std::size_t step, std::string_view bytes, bool end) {
  const std::size_t barrier = at_.collecting == kNone ? at_.steps : at_.collecting;
  for (; step < barrier; ++step) {
    if (wishes_[step].kind != BodyWish::Kind::kStream) continue;
    at_.running = step;
    const FilterStatus status = data_hook(step, bytes, end);
    if (settle(step, status)) continue;
    if (at_.held) {
      carried_.bytes.assign(bytes);
      carried_.next_step = step + 1;
      carried_.end = end;
    }
    return;
  }
  if (at_.collecting != kNone) {
    collect(bytes, end);
  } else {
    deliver_data(bytes, end);
  }
}

void FilterFlow::collect(std::string_view bytes, bool end) {
  if (collected_.size() + bytes.size() > wishes_[at_.collecting].bytes_max) {
    body_too_large(std::exchange(at_.collecting, kNone));
    return;
  }
  collected_.append(bytes);
  if (end) finish_collecting(true);
}

void FilterFlow::finish_collecting(bool end) {
  const std::size_t step = std::exchange(at_.collecting, kNone);
  at_.collected_steps |= 1U << step;
  std::string_view body = collected_;
  at_.running = step;
  const FilterStatus status = data_hook(step, body, end);
  carried_.bytes.assign(body);
  carried_.next_step = step + 1;
  carried_.end = end;
  collected_.clear();
  settle(step, status);
}

void FilterFlow::walk_trailers() {
  if (at_.collecting != kNone) {
    finish_collecting(false);
    return;
  }
  while (at_.trailers_step < at_.steps) {
    const std::size_t step = at_.trailers_step++;
    at_.running = step;
    if (!settle(step, trailers_hook(step, *at_.trailers))) return;
  }
  deliver_trailers(*std::exchange(at_.trailers, nullptr));
}

}  // namespace tocsin::http
