#pragma once

#include <atomic>
#include <cstddef>

namespace tocsin::delivery {

/// How much may wait for the outbox front. Any thread, so that whoever asks knows at once.
class WaitingRoom {
 public:
  static constexpr std::size_t kAppendsMax = 8192;
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  /// False when it would be too much, and then nothing is kept. An empty room takes anything.
  [[nodiscard]] bool reserve(std::size_t appends, std::size_t bytes) {
    const std::size_t before = appends_.fetch_add(appends, std::memory_order_relaxed);
    const std::size_t bytes_before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    const bool fits = before + appends <= kAppendsMax && bytes_before + bytes <= kBytesMax;
    if (fits || before == 0) return true;
    release(appends, bytes);
    return false;
  }
  void release(std::size_t appends, std::size_t bytes) {
    appends_.fetch_sub(appends, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  std::size_t appends() const { return appends_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> appends_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace tocsin::delivery
