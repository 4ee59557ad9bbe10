#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/lane_door.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

/// The doors that are open, what waits behind them in the store, and which want to claim. The
/// front's loop.
class DoorBook final : private ClaimWatch {
 public:
  /// `wake` is called when a door wants to claim.
  DoorBook(event::TimerWheel& wheel, FrontMetrics& metrics, Function<void()> wake)
      : wheel_(wheel), metrics_(metrics), wake_(std::move(wake)) {}

  void open(LaneDoor& door);
  void close(LaneDoor& door);
  LaneDoor* find(std::string_view output);

  /// The store was opened: nothing is known of its rows but these counts.
  void reset(std::span<const stage::BacklogCount> backlog);

  /// A row became ready that no lane settled.
  void on_ready(const stage::OwnedDelivery& row, WallTime now);
  /// Ready rows of one output are another's now, which looks for them.
  void move(std::string_view from, std::string_view to, std::uint64_t rows);
  /// Others changed the store: nothing but these counts is known of what is ready.
  void refresh(std::span<const stage::BacklogCount> backlog);

  /// The first of some line may be another one now.
  void spill_ordered();
  /// Nobody knows what a batch made ready.
  void spill_all();

  bool wants_claim() const { return !claimable_.empty(); }
  using Claimable = std::pair<LaneDoor*, message::DeliveryClass>;
  /// The next queue that wants to claim; only while wants_claim().
  Claimable take_claimable();

  /// Puts what the doors came to into the metrics.
  void publish();
  /// All that waits in the store, as last published. Any thread.
  std::uint64_t backlog() const { return total_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    LaneDoor* door = nullptr;  // null: rows of an output that has no lane
    std::uint64_t orphaned = 0;
    telemetry::Gauge* backlog = nullptr;
    telemetry::Gauge* spilled = nullptr;
  };
  void on_claimable(LaneDoor& door, message::DeliveryClass queue) override {
    claimable_.emplace_back(&door, queue);
    wake_();
  }
  Entry& entry(std::string_view output);
  static std::uint64_t backlog_of(const Entry& known);
  static void set_backlog(Entry& known, std::uint64_t rows);
  void set_backlog(std::span<const stage::BacklogCount> backlog);

  event::TimerWheel& wheel_;
  FrontMetrics& metrics_;
  Function<void()> wake_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<Claimable> claimable_;
  std::atomic<std::uint64_t> total_{0};
};

}  // namespace tocsin::delivery
