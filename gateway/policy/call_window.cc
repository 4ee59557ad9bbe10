#include "gateway/policy/call_window.h"

namespace tocsin::policy {

CallWindow::CallWindow(std::uint32_t calls_max, Duration span) : ring_(calls_max), by_time_(span) {}

CallCounts CallWindow::unpack(std::uint8_t call) {
  return CallCounts{1, (call & kFailed) != 0 ? 1u : 0u, (call & kSlow) != 0 ? 1u : 0u};
}

void CallWindow::add(MonoTime now, bool failed, bool slow) {
  const auto call = static_cast<std::uint8_t>((failed ? kFailed : 0) | (slow ? kSlow : 0));
  if (ring_.empty()) {
    by_time_.at(now) += unpack(call);
    return;
  }
  if (sum_.calls == ring_.size()) {
    const CallCounts oldest = unpack(ring_[next_]);
    --sum_.calls;
    sum_.failures -= oldest.failures;
    sum_.slow -= oldest.slow;
  }
  ring_[next_] = call;
  next_ = (next_ + 1) % ring_.size();
  sum_ += unpack(call);
}

CallCounts CallWindow::counts(MonoTime now) { return ring_.empty() ? by_time_.total(now) : sum_; }

void CallWindow::clear() {
  sum_ = CallCounts{};
  next_ = 0;
  by_time_.clear();
}

}  // namespace tocsin::policy
