#include "gateway/plugin/worker.h"

#include <algorithm>
#include <utility>

#include "gateway/plugin/crash_signals.h"
#include "gateway/plugin/fault.h"
#include "gateway/plugin/fd_watches.h"
#include "gateway/plugin/http_calls.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/intake.h"
#include "gateway/plugin/store_door.h"
#include "gateway/plugin/timers.h"

namespace tocsin::plugin {

/// Something of the plugin's that is still to be called on the loop: counted for as long as it
/// exists, dropped when it ends uncalled.
class Worker::Task {
 public:
  Task(Worker& worker, void (*fn)(void*), void (*drop)(void*), void* user)
      : worker_(&worker), fn_(fn), drop_(drop), user_(user) {
    worker.outstanding_.fetch_add(1, std::memory_order_relaxed);
  }
  Task(Task&& other) noexcept
      : worker_(std::exchange(other.worker_, nullptr)),
        fn_(other.fn_),
        drop_(other.drop_),
        user_(other.user_) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (worker_ == nullptr) return;
    if (fn_ != nullptr && drop_ != nullptr) drop_(user_);
    worker_->outstanding_.fetch_sub(1, std::memory_order_release);
  }

  void call(const char* callback) {
    if (worker_->finished()) return;
    const Inside inside(*worker_, callback);
    std::exchange(fn_, nullptr)(user_);
  }

 private:
  Worker* worker_;
  void (*fn_)(void*);  // null once called
  void (*drop_)(void*);
  void* user_;
};

namespace {

CrashMap::Slot* slot_of(const Instance& instance, std::size_t loop) {
  CrashMap* map = instance.services().crash_map;
  return map == nullptr ? nullptr : map->slot(loop);
}

}  // namespace

Worker::Worker(Instance& instance, const Environment& environment)
    : instance_(instance),
      environment_(environment),
      thread_(std::this_thread::get_id()),
      slot_(slot_of(instance, environment.loop.shard())),
      number_(instance.crash_number()),
      timers_(std::make_unique<Timers>(*this)),
      http_(std::make_unique<HttpCalls>(*this)),
      intake_(std::make_unique<Intake>(*this)),
      fds_(std::make_unique<FdWatches>(*this)),
      store_(std::make_unique<StoreDoor>(*this)) {
  if (slot_ != nullptr) CrashSignals::enter_thread(slot_);
}

Worker::~Worker() = default;

Result<void> Worker::start() {
  tocsin_fault fault = empty_fault();
  std::uint32_t status = TOCSIN_OK;
  {
    const Inside inside(*this, "worker_init");
    status = instance_.plugin().worker_init(instance_.self(), handle(), &self_, &fault);
  }
  if (status == TOCSIN_OK) return {};
  finished_.store(true, std::memory_order_release);
  drop_lent();
  return fail(code_of(status), fault_text(fault));
}

void Worker::drop_lent() {
  timers_.reset();
  http_.reset();
  intake_.reset();
  fds_.reset();
  store_.reset();
}

// What a plugin need not have.
template <typename... Arguments>
void Worker::tell(const char* callback, void (*fn)(void*, Arguments...), Arguments... arguments) {
  if (finished() || fn == nullptr) return;
  const Inside inside(*this, callback);
  fn(self_, arguments...);
}

void Worker::reconfigure() {
  tell("worker_reconfigure", instance_.plugin().worker_reconfigure);
  instance_.adopted();
}

void Worker::take_up() {
  TOCSIN_ASSERT(!took_up_ && !drained_, "a worker was started twice, or after its drain");
  took_up_ = true;
  tell("worker_start", instance_.plugin().worker_start);
}

void Worker::drain(MonoTime deadline) {
  TOCSIN_ASSERT(!drained_, "a worker was drained twice");
  drained_ = true;
  tell("worker_drain", instance_.plugin().worker_drain, deadline.time_since_epoch().count());
}

std::size_t Worker::under_way() const {
  if (finished()) return 0;
  const auto of = [](const auto* kind) { return kind == nullptr ? 0 : kind->under_way(); };
  return of(completions_.deliveries) + of(completions_.decisions) + of(completions_.answers) +
         of(completions_.batches) + intake_->under_way() + store_->under_way();
}

void Worker::finish() {
  TOCSIN_ASSERT(!inside_, "a worker was finished inside its own callback");
  if (finished()) return;
  finished_.store(true, std::memory_order_release);
  completions_ = {};
  afterwards_.clear();
  drop_lent();
  const Inside inside(*this, "worker_fini");
  instance_.plugin().worker_fini(self_);
}

Worker::Inside::Inside(Worker& worker, const char* callback)
    : worker_(worker), callback_(callback), began_(worker.loop().clock().mono()) {
  TOCSIN_ASSERT(!worker_.inside_, "a plugin was entered while it was inside a callback");
  worker_.inside_ = true;
  if (CrashMap::Slot* slot = worker_.slot_) {
    outer_ = slot->plugin.load(std::memory_order_relaxed);
    slot->callback.store(callback, std::memory_order_relaxed);
    slot->plugin.store(worker_.number_, std::memory_order_release);
  }
}

Worker::Inside::Inside(Worker& worker, const char* callback,
                       std::span<const stage::Attempt> attempts)
    : Inside(worker, callback) {
  CrashMap::Slot* slot = worker_.slot_;
  if (slot == nullptr) return;
  const std::size_t count = std::min(attempts.size(), CrashMap::kDeliveriesMax);
  for (std::size_t i = 0; i < count; ++i) {
    slot->entries[i] = {attempts[i].delivery.notification.value, attempts[i].delivery.ordinal};
  }
  slot->deliveries.store(static_cast<std::uint32_t>(count), std::memory_order_release);
  names_deliveries_ = true;
}

Worker::Inside::~Inside() {
  worker_.inside_ = false;
  if (CrashMap::Slot* slot = worker_.slot_) {
    if (names_deliveries_) slot->deliveries.store(0, std::memory_order_relaxed);
    slot->plugin.store(outer_, std::memory_order_relaxed);
  }
  worker_.leave(callback_, worker_.loop().clock().mono() - began_);
}

void Worker::leave(const char* callback, Duration took) {
  if (took >= kSlowCallback && !environment_.may_block) [[unlikely]] {
    instance_.metrics().slow_callbacks->add();
    if (took >= kVerySlowCallback) {
      if (const auto skipped = slow_lines_.admit(loop().clock().mono())) {
        TOCSIN_LOG(instance_.services().log, kWarning, instance_.logger(),
                   "the plugin kept its loop waiting", {"plugin", instance_.label()},
                   {"callback", callback}, {"took_ms", took}, {"suppressed", *skipped});
      }
    }
  }
  run_afterwards();
}

// What runs here may enter the plugin again and so come here again: that call adds to the list the
// outer one is walking, or the stack would grow with the backlog of an output that completes at
// once.
void Worker::run_afterwards() {
  if (running_afterwards_) return;
  running_afterwards_ = true;
  for (std::size_t i = 0; i < afterwards_.size(); ++i) {
    AfterCallback* work = std::exchange(afterwards_[i], nullptr);
    if (work == nullptr) continue;
    work->noted_ = false;
    work->after_callback();
  }
  afterwards_.clear();
  running_afterwards_ = false;
}

void Worker::note(AfterCallback& work) {
  if (work.noted_) return;
  work.noted_ = true;
  afterwards_.push_back(&work);
  if (!inside_) run_afterwards();
}

void Worker::forget(AfterCallback& work) {
  std::replace(afterwards_.begin(), afterwards_.end(), &work, static_cast<AfterCallback*>(nullptr));
}

std::uint32_t Worker::may_call(const char* function) {
  if (finished()) return late(function);
  if (std::this_thread::get_id() != thread_) {
    return misused(std::string(function) + " was called on another thread than its loop's");
  }
  return TOCSIN_OK;
}

std::uint32_t Worker::late(const char* function) {
  instance_.metrics().late_completions->add();
  TOCSIN_LOG(instance_.services().log, kDebug, instance_.logger(), "too late, or for nothing",
             {"function", function});
  return TOCSIN_GONE;
}

std::uint32_t Worker::misused(std::string_view how) {
  instance_.misused(how);
  return TOCSIN_INVALID;
}

std::uint32_t Worker::post(void (*fn)(void*), void (*drop)(void*), void* user) {
  Task task(*this, fn, drop, user);
  if (fn == nullptr) return misused("post without a function");
  if (finished()) return late("post");
  if (outstanding() > kPostsMax) return TOCSIN_FULL;
  if (!loop().post([task = std::move(task)]() mutable { task.call("post"); })) return late("post");
  return TOCSIN_OK;
}

std::uint32_t Worker::offload(void (*work)(void*), void (*done)(void*), void (*drop)(void*),
                              void* user) {
  Task task(*this, done, drop, user);
  if (const std::uint32_t refused = may_call("offload"); refused != TOCSIN_OK) return refused;
  if (work == nullptr || done == nullptr) return misused("offload without a function");
  if (environment_.pool == nullptr) return TOCSIN_UNAVAILABLE;
  const bool taken = environment_.pool->submit(
      loop(), [work, user] { work(user); },
      [task = std::move(task)]() mutable { task.call("offload"); });
  return taken ? TOCSIN_OK : TOCSIN_FULL;
}

}  // namespace tocsin::plugin
