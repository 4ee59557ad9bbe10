#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/timer_wheel.h"

struct uv_loop_s;

namespace tocsin::event {

/// Something whose memory must survive until the current callbacks have returned.
class Deferred {
 public:
  virtual ~Deferred() = default;
};

/// Does one thing at the end of the tick in which it was scheduled: streams flush there.
class TickEnd {
 public:
  virtual void on_tick_end() = 0;

 protected:
  ~TickEnd() = default;

 private:
  friend class Loop;
  bool scheduled_ = false;
};

struct LoopOptions {
  std::string name = "loop";  ///< for logs, metrics and the thread's name
  const Clock* clock = &SystemClock::instance();
  std::size_t shard = 0;  ///< which shard of the metrics this loop writes
};

/// One event loop. The thread that calls run() owns it until run() returns; everything but post(),
/// stop() and the lag readings belongs to that thread. While nobody runs it, whoever made it may
/// set up and take down what it serves. Order of a tick: timers due, then (after waiting) what
/// happened on sockets and posted tasks, then the tick's end: flushes, then deferred destruction.
class Loop {
 public:
  explicit Loop(LoopOptions options = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Serves until stop(). Then runs what was posted before it and returns.
  void run();
  /// Serves what is ready without waiting and returns; for tests that own time.
  void run_ready();
  /// Ends run() after the current tick. Any thread.
  void stop();

  /// Runs the task on the loop's thread, in posting order, never inside the caller. False when the
  /// loop has closed: the task is destroyed unrun. Any thread.
  bool post(Function<void()> task);

  /// The tick's instant: read once per tick, so all that happens in one sees the same time.
  MonoTime now() const { return timers_.now(); }
  WallTime wall() const { return clock_.wall(); }
  const Clock& clock() const { return clock_; }
  TimerWheel& timers() { return timers_; }

  /// Work scheduled at the tick's end joins it for a few rounds, then waits for the next tick,
  /// which follows at once.
  void at_tick_end(TickEnd& work);
  void cancel_tick_end(TickEnd& work);
  /// For the event room's callbacks, when the owner's code has returned: does the tick's end early
  /// once so much is scheduled that waiting longer would find it cold in the caches.
  void finish_when_many() {
    if (tick_ends_.size() >= kTickEndsAtOnce) finish_work();
  }
  /// Destroys the object after the tick's end, when no callback of it can be on the stack.
  void destroy_later(std::unique_ptr<Deferred> object);

  /// Shared by all reads of this loop: valid only inside one on_data.
  std::span<char> read_slab() { return read_slab_; }

  /// Buffers for waiting output, kept between uses so that the steady state allocates nothing.
  static constexpr std::size_t kOutputBufferBytes = 16 * 1024;
  std::unique_ptr<char[]> take_output_buffer();
  void give_output_buffer(std::unique_ptr<char[]> buffer);

  bool on_owner_thread() const {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  /// Call at the door of everything that belongs to this loop's thread: aborts when another thread
  /// owns the loop now.
  void assert_owner() const;

  const std::string& name() const { return options_.name; }
  std::size_t shard() const { return options_.shard; }

  /// Since when the loop has not waited; nothing: it waits, or nobody runs it. Any thread.
  std::optional<MonoTime> busy_since() const {
    const std::int64_t ns = busy_since_ns_.load(std::memory_order_relaxed);
    return ns == 0 ? std::nullopt : std::optional(MonoTime(Duration(ns)));
  }
  /// The system's number of the thread that runs the loop; 0: none does. Any thread.
  int thread_number() const { return thread_number_.load(std::memory_order_relaxed); }

  /// How long the last ticks kept events waiting: the longest time between two waits since the
  /// previous call of take_max_lag(). Any thread.
  Duration take_max_lag();

  /// For the event room's own handles; each of their callbacks begins with enter(), which reads the
  /// clock once after each wait.
  uv_loop_s* uv() { return uv_.get(); }
  void enter() {
    if (!entered_) refresh();
  }

 private:
  struct Hooks;  // the uv handles that drive a tick
  static constexpr std::size_t kReadSlabBytes = 64 * 1024;
  static constexpr std::size_t kOutputBuffersKept = 64;
  static constexpr int kRoundsPerTick = 8;
  static constexpr std::size_t kTickEndsAtOnce = 32;

  void begin_tick();
  void end_tick();
  void finish_work();
  void run_posted();
  void refresh();
  void note_lag(Duration busy);
  void note_busy(MonoTime since) {
    busy_since_ns_.store(since.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void arm_wake_up(MonoTime now);

  LoopOptions options_;
  const Clock& clock_;
  TimerWheel timers_;
  std::unique_ptr<uv_loop_s, void (*)(uv_loop_s*)> uv_;
  std::unique_ptr<Hooks> hooks_;
  std::atomic<std::thread::id> owner_{};

  std::mutex posted_mutex_;
  std::vector<Function<void()>> posted_;  // guarded by posted_mutex_
  bool closed_ = false;                   // guarded by posted_mutex_
  std::vector<Function<void()>> running_;
  std::atomic<bool> stopping_{false};

  std::vector<TickEnd*> tick_ends_;
  std::vector<std::unique_ptr<Deferred>> doomed_;
  std::vector<std::unique_ptr<char[]>> output_buffers_;
  std::vector<char> read_slab_;

  bool entered_ = false;  // the clock was read since the last wait
  MonoTime entered_at_{};
  std::optional<MonoTime> wake_up_at_;
  std::atomic<std::int64_t> max_lag_ns_{0};
  std::atomic<std::int64_t> busy_since_ns_{0};  // 0: it waits
  std::atomic<int> thread_number_{0};
};

}  // namespace tocsin::event
