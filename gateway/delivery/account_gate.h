#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/base/clock.h"
#include "gateway/policy/throttle_steps.h"

namespace tocsin::delivery {

/// What outputs of one account share, whatever loops they live on: when its provider wants to hear
/// of any of them again. Nobody is told that it closed or opened; each lane asks before it begins
/// an attempt, and knows the instant from which it may. Any thread.
class AccountGate {
 public:
  /// `name`: the type of the outputs and their account, as AccountGates has it.
  explicit AccountGate(std::string name = {}) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  /// An earlier closing that lasts longer stays.
  void close(MonoTime until);
  MonoTime opens_at() const { return MonoTime(Duration(until_.load(std::memory_order_relaxed))); }

  /// As policy::ThrottleSteps, over all outputs of the account.
  Duration on_throttled(MonoTime begun, MonoTime now, std::uint64_t random_bits);
  void on_served(MonoTime begun);
  std::uint32_t steps() const;
  void restore(std::uint32_t steps, MonoTime now);
  /// Whether steps() is not 0; takes no lock.
  bool stepped() const { return stepped_.load(std::memory_order_relaxed); }

 private:
  const std::string name_;
  std::atomic<Duration::rep> until_{0};
  std::atomic<bool> stepped_{false};  // so that what is served need not lock
  mutable std::mutex mutex_;
  policy::ThrottleSteps steps_;  // guarded by mutex_
};

/// The accounts that outputs name. Part of the estate; any thread.
class AccountGates {
 public:
  /// The gate of an account of outputs of `type`: accounts of two providers may be called the same.
  /// Null for an empty account, which is the output's own. Gates that nobody holds are forgotten.
  std::shared_ptr<AccountGate> find(std::string_view type, std::string_view account);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<AccountGate>, std::less<>> gates_;  // guarded by mutex_
};

}  // namespace tocsin::delivery
