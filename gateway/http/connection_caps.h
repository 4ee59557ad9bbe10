#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "gateway/event/address.h"

namespace tocsin::http {

/// How many connections a listener carries at once, in all and per peer, counted exactly over its
/// loops. Thread-safe; touched once when a connection comes and once when it goes.
class ConnectionCaps {
 public:
  /// 0 means no cap.
  ConnectionCaps(std::size_t total_max, std::size_t per_ip_max)
      : total_max_(total_max), per_ip_max_(per_ip_max) {}
  /// For connections that come from now on; those open are counted whatever the caps were.
  void set(std::size_t total_max, std::size_t per_ip_max) {
    total_max_.store(total_max, std::memory_order_relaxed);
    per_ip_max_.store(per_ip_max, std::memory_order_relaxed);
  }

  enum class Verdict : std::uint8_t { kAdmitted, kTotalReached, kPerIpReached };
  /// kAdmitted takes a place that release() gives back.
  Verdict admit(const event::Address::IpKey& ip);
  void release(const event::Address::IpKey& ip);

  std::size_t open() const { return total_.load(std::memory_order_relaxed); }

 private:
  struct IpHash {
    std::size_t operator()(const event::Address::IpKey& ip) const {
      std::uint64_t mixed = (ip.high ^ (ip.low * 0x9e3779b97f4a7c15ULL));
      mixed ^= mixed >> 29;
      return static_cast<std::size_t>(mixed * 0xbf58476d1ce4e5b9ULL);
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<event::Address::IpKey, std::size_t, IpHash> counts;  // guarded by mutex
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard_of(const event::Address::IpKey& ip) {
    return shards_[(IpHash()(ip) >> 32) % kShards];
  }

  std::atomic<std::size_t> total_max_;
  std::atomic<std::size_t> per_ip_max_;
  std::atomic<std::size_t> total_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace tocsin::http
