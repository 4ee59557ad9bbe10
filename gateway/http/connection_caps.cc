#include "gateway/http/connection_caps.h"

namespace tocsin::http {

ConnectionCaps::Verdict ConnectionCaps::admit(const event::Address::IpKey& ip) {
  const std::size_t before = total_.fetch_add(1, std::memory_order_relaxed);
  const std::size_t total_max = total_max_.load(std::memory_order_relaxed);
  if (total_max != 0 && before >= total_max) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    return Verdict::kTotalReached;
  }
  const std::size_t per_ip_max = per_ip_max_.load(std::memory_order_relaxed);
  Shard& shard = shard_of(ip);
  const std::lock_guard lock(shard.mutex);
  std::size_t& count = shard.counts[ip];
  if (per_ip_max != 0 && count >= per_ip_max) {
    total_.fetch_sub(1, std::memory_order_relaxed);
    return Verdict::kPerIpReached;
  }
  ++count;
  return Verdict::kAdmitted;
}

void ConnectionCaps::release(const event::Address::IpKey& ip) {
  total_.fetch_sub(1, std::memory_order_relaxed);
  Shard& shard = shard_of(ip);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.counts.find(ip);
  if (found != shard.counts.end() && --found->second == 0) shard.counts.erase(found);
}

}  // namespace tocsin::http
