#include "gateway/delivery/account_gate.h"

namespace tocsin::delivery {

void AccountGate::close(MonoTime until) {
  const Duration::rep wanted = until.time_since_epoch().count();
  Duration::rep known = until_.load(std::memory_order_relaxed);
  while (known < wanted && !until_.compare_exchange_weak(known, wanted, std::memory_order_relaxed));
}

Duration AccountGate::on_throttled(MonoTime begun, MonoTime now, std::uint64_t random_bits) {
  const std::lock_guard lock(mutex_);
  stepped_.store(true, std::memory_order_relaxed);
  return steps_.on_throttled(begun, now, random_bits);
}

void AccountGate::on_served(MonoTime begun) {
  if (!stepped()) return;
  const std::lock_guard lock(mutex_);
  steps_.on_served(begun);
  stepped_.store(steps_.steps() > 0, std::memory_order_relaxed);
}

std::uint32_t AccountGate::steps() const {
  if (!stepped()) return 0;
  const std::lock_guard lock(mutex_);
  return steps_.steps();
}

void AccountGate::restore(std::uint32_t steps, MonoTime now) {
  if (steps == 0) return;
  const std::lock_guard lock(mutex_);
  stepped_.store(true, std::memory_order_relaxed);
  steps_.restore(steps, now);
}

std::shared_ptr<AccountGate> AccountGates::find(std::string_view type, std::string_view account) {
  if (account.empty()) return nullptr;
  std::string name(type);
  name.append("/").append(account);
  const std::lock_guard lock(mutex_);
  std::erase_if(gates_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<AccountGate>& known = gates_[name];
  std::shared_ptr<AccountGate> gate = known.lock();
  if (gate == nullptr) known = gate = std::make_shared<AccountGate>(std::move(name));
  return gate;
}

std::size_t AccountGates::size() const {
  const std::lock_guard lock(mutex_);
  return gates_.size();
}

}  // namespace tocsin::delivery
