// One tick of the loop, in libuv's order of phases:
//
//   prepare   timers due -> their output flushed, their dead destroyed -> wake-up timer armed
//   poll      wait; then sockets and posted tasks. The first callback reads the clock once (enter)
//   check     streams touched in this tick flush -> objects doomed in this tick are destroyed
//
// libuv closes handles after check, which is where their memory is freed.
#include "gateway/event/loop.h"

#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <csignal>

namespace tocsin::event {

struct Loop::Hooks {
  uv_prepare_t prepare;
  uv_check_t check;
  uv_async_t posted;
  uv_timer_t wake_up;
};

Loop::Loop(LoopOptions options)
    : options_(std::move(options)),
      clock_(*options_.clock),
      timers_(clock_.mono()),
      uv_(new uv_loop_t, [](uv_loop_t* loop) { delete loop; }),
      hooks_(std::make_unique<Hooks>()),
      read_slab_(kReadSlabBytes) {
  TOCSIN_ASSERT(uv_loop_init(uv_.get()) == 0, "the system gave no event loop");
  uv_->data = this;
  // A peer that left is an error of one write, not the end of the process; libuv's writes would
  // raise.
  std::signal(SIGPIPE, SIG_IGN);
  // So is a file that has reached a limit on its size.
  std::signal(SIGXFSZ, SIG_IGN);
  uv_prepare_init(uv_.get(), &hooks_->prepare);
  uv_check_init(uv_.get(), &hooks_->check);
  uv_timer_init(uv_.get(), &hooks_->wake_up);
  const int made = uv_async_init(uv_.get(), &hooks_->posted, [](uv_async_t* handle) {
    Loop& loop = *static_cast<Loop*>(handle->loop->data);
    loop.enter();
    loop.run_posted();
    if (loop.stopping_.load(std::memory_order_acquire)) uv_stop(loop.uv());
  });
  TOCSIN_ASSERT(made == 0, "the system gave no wake-up descriptor");
  uv_prepare_start(&hooks_->prepare, [](uv_prepare_t* handle) {
    static_cast<Loop*>(handle->loop->data)->begin_tick();
  });
  uv_check_start(&hooks_->check,
                 [](uv_check_t* handle) { static_cast<Loop*>(handle->loop->data)->end_tick(); });
}

Loop::~Loop() {
  {
    const std::lock_guard lock(posted_mutex_);
    closed_ = true;
  }
  posted_.clear();
  do {
    end_tick();
  } while (!doomed_.empty());
  uv_close(reinterpret_cast<uv_handle_t*>(&hooks_->prepare), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&hooks_->check), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&hooks_->posted), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&hooks_->wake_up), nullptr);
  // Asked before the run below, which an open handle would keep waiting for ever.
  uv_walk(
      uv_.get(),
      [](uv_handle_t* handle, void*) {
        TOCSIN_ASSERT(uv_is_closing(handle) != 0, "a loop was destroyed before its handles");
      },
      nullptr);
  uv_run(uv_.get(), UV_RUN_DEFAULT);
  TOCSIN_ASSERT(uv_loop_close(uv_.get()) == 0, "a closing handle opened another");
}

void Loop::run() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  thread_number_.store(::gettid(), std::memory_order_relaxed);
  while (!stopping_.load(std::memory_order_acquire)) uv_run(uv_.get(), UV_RUN_DEFAULT);
  {
    const std::lock_guard lock(posted_mutex_);
    closed_ = true;
  }
  run_posted();
  end_tick();
  busy_since_ns_.store(0, std::memory_order_relaxed);
  thread_number_.store(0, std::memory_order_relaxed);
  owner_.store(std::thread::id(), std::memory_order_relaxed);
}

void Loop::run_ready() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  uv_run(uv_.get(), UV_RUN_NOWAIT);
}

void Loop::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::lock_guard lock(posted_mutex_);
  if (!closed_) uv_async_send(&hooks_->posted);
}

bool Loop::post(Function<void()> task) {
  // The wake-up stays under the lock: it must not reach a loop that closes meanwhile.
  const std::lock_guard lock(posted_mutex_);
  if (closed_) return false;
  posted_.push_back(std::move(task));
  if (posted_.size() == 1) uv_async_send(&hooks_->posted);
  return true;
}

void Loop::run_posted() {
  {
    const std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
  }
  for (Function<void()>& task : running_) task();
  running_.clear();
}

void Loop::refresh() {
  entered_ = true;
  entered_at_ = clock_.mono();
  note_busy(entered_at_);
  timers_.set_now(entered_at_);
}

void Loop::note_lag(Duration busy) {
  const std::int64_t ns = busy.count();
  if (ns > max_lag_ns_.load(std::memory_order_relaxed)) {
    max_lag_ns_.store(ns, std::memory_order_relaxed);
  }
}

void Loop::begin_tick() {
  const MonoTime now = clock_.mono();
  const MonoTime waited_until = entered_ ? entered_at_ : now;
  note_busy(waited_until);
  const bool fired = timers_.advance(now) > 0;
  // Not only what timers scheduled: libuv reports some finished writes and failed connects before
  // it gets here, and after this it waits.
  finish_work();
  note_lag((fired ? clock_.mono() : now) - waited_until);
  entered_ = false;
  arm_wake_up(now);
  busy_since_ns_.store(0, std::memory_order_relaxed);
}

void Loop::end_tick() { finish_work(); }

// Flushing may break a stream, whose owner may schedule more; so in rounds. Their number is
// bounded: a producer whose reader keeps up would have the loop for itself as long as it has
// something to say.
void Loop::finish_work() {
  for (int round = 0; round < kRoundsPerTick; ++round) {
    if (tick_ends_.empty() && doomed_.empty()) return;
    const std::size_t count = tick_ends_.size();
    for (std::size_t i = 0; i < count; ++i) {
      TickEnd* work = tick_ends_[i];
      if (work == nullptr) continue;  // cancelled meanwhile
      work->scheduled_ = false;
      tick_ends_[i] = nullptr;
      work->on_tick_end();
    }
    tick_ends_.erase(tick_ends_.begin(), tick_ends_.begin() + static_cast<std::ptrdiff_t>(count));
    // Destructors may doom further objects.
    std::vector<std::unique_ptr<Deferred>> dying;
    dying.swap(doomed_);
  }
  if (!tick_ends_.empty() || !doomed_.empty()) uv_async_send(&hooks_->posted);
}

void Loop::arm_wake_up(MonoTime now) {
  const std::optional<MonoTime> due = timers_.next_due();
  if (due == wake_up_at_) return;
  wake_up_at_ = due;
  if (!due) {
    uv_timer_stop(&hooks_->wake_up);
    return;
  }
  // libuv counts from its own millisecond clock, which was read at the start of this tick: ask
  // anew, or the wake-up comes early and finds nothing due.
  uv_update_time(uv_.get());
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(*due - now, Duration::zero()));
  uv_timer_start(
      &hooks_->wake_up,
      [](uv_timer_t* handle) { static_cast<Loop*>(handle->loop->data)->wake_up_at_.reset(); },
      static_cast<std::uint64_t>(wait.count()), 0);
}

void Loop::at_tick_end(TickEnd& work) {
  assert_owner();
  if (work.scheduled_) return;
  work.scheduled_ = true;
  tick_ends_.push_back(&work);
}

void Loop::cancel_tick_end(TickEnd& work) {
  if (!work.scheduled_) return;
  work.scheduled_ = false;
  std::replace(tick_ends_.begin(), tick_ends_.end(), &work, static_cast<TickEnd*>(nullptr));
}

void Loop::destroy_later(std::unique_ptr<Deferred> object) {
  assert_owner();
  doomed_.push_back(std::move(object));
}

std::unique_ptr<char[]> Loop::take_output_buffer() {
  if (output_buffers_.empty()) return std::unique_ptr<char[]>(new char[kOutputBufferBytes]);
  std::unique_ptr<char[]> buffer = std::move(output_buffers_.back());
  output_buffers_.pop_back();
  return buffer;
}

void Loop::give_output_buffer(std::unique_ptr<char[]> buffer) {
  if (output_buffers_.size() < kOutputBuffersKept) output_buffers_.push_back(std::move(buffer));
}

void Loop::assert_owner() const {
  const std::thread::id owner = owner_.load(std::memory_order_relaxed);
  TOCSIN_ASSERT(owner == std::thread::id() || owner == std::this_thread::get_id(),
                "a loop's object was used from another thread");
}

Duration Loop::take_max_lag() {
  return Duration(max_lag_ns_.exchange(0, std::memory_order_relaxed));
}

}  // namespace tocsin::event
