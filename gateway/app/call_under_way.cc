#include "gateway/app/call_under_way.h"

#include "gateway/base/assert.h"

namespace tocsin::app {

std::optional<CallUnderWay::Seen> CallUnderWay::look() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

CallUnderWay::Scope::Scope(CallUnderWay* calls, std::string instance, std::string what)
    : calls_(calls) {
  if (calls_ == nullptr) return;
  const std::lock_guard lock(calls_->mutex_);
  TOCSIN_ASSERT(!calls_->seen_, "a call into a plugin begins inside another");
  calls_->seen_ = Seen{std::move(instance), std::move(what), calls_->clock_.mono()};
}

CallUnderWay::Scope::~Scope() {
  if (calls_ == nullptr) return;
  const std::lock_guard lock(calls_->mutex_);
  calls_->seen_.reset();
}

}  // namespace tocsin::app
