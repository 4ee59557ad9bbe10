#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/plugin/services.h"
#include "gateway/stage/output.h"
#include "gateway/telemetry/log_limiter.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

class Instance;
class Timers;
class HttpCalls;
class Intake;
class FdWatches;
class StoreDoor;

/// A call into a plugin that takes longer is counted; longer than the second one, logged.
inline constexpr Duration kSlowCallback = std::chrono::milliseconds(10);
inline constexpr Duration kVerySlowCallback = std::chrono::milliseconds(100);

/// What an adapter does once the plugin's callback has returned: host functions only note what the
/// plugin said, so that nothing of the gateway runs on the plugin's stack and no callback is
/// entered again.
class AfterCallback {
 public:
  virtual void after_callback() = 0;

 protected:
  ~AfterCallback() = default;

 private:
  friend class Worker;
  bool noted_ = false;
};

/// Where completions go: the adapter of each kind, as far as there is one. `under_way` counts the
/// tokens that are not over.
struct Completions {
  class Deliveries {
   public:
    virtual std::uint32_t complete(tocsin_token token, const tocsin_verdict& verdict) = 0;
    virtual std::size_t under_way() const = 0;

   protected:
    ~Deliveries() = default;
  };
  class Decisions {
   public:
    virtual std::uint32_t decide(tocsin_token token, std::uint32_t decision) = 0;
    virtual std::size_t under_way() const = 0;

   protected:
    ~Decisions() = default;
  };
  class Answers {
   public:
    virtual std::uint32_t respond(tocsin_token token, const tocsin_http_answer& answer) = 0;
    virtual std::uint32_t resume(tocsin_token token) = 0;
    virtual std::size_t under_way() const = 0;

   protected:
    ~Answers() = default;
  };
  class Batches {
   public:
    virtual std::uint32_t applied(tocsin_token token, std::uint32_t outcome,
                                  const tocsin_fault* fault) = 0;
    virtual std::size_t under_way() const = 0;

   protected:
    ~Batches() = default;
  };

  Deliveries* deliveries = nullptr;
  Decisions* decisions = nullptr;
  Answers* answers = nullptr;
  Batches* batches = nullptr;
};

/// An instance on one loop: what a plugin holds as tocsin_worker. Belongs to the loop's thread,
/// except what says otherwise. After finish() a shell stays, so that a late call finds somebody to
/// tell it GONE.
class Worker {
 public:
  /// Tasks posted by a plugin that its loop has not yet run; more are FULL.
  static constexpr std::size_t kPostsMax = 65536;

  Worker(Instance& instance, const Environment& environment);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Calls the plugin's worker_init. On failure the worker is finished.
  Result<void> start();
  /// Calls worker_reconfigure, as every loop of the instance must: adopts what
  /// Instance::reconfigure prepared.
  void reconfigure();
  /// Calls worker_start, once in the worker's life: what the instance replaces has ended.
  void take_up();
  /// Calls worker_drain, once; `deadline` is when finish() will come at the latest. The caller
  /// gives the adapters nothing new from now on, waits for under_way() to be 0, and cuts them at
  /// the deadline.
  void drain(MonoTime deadline);
  /// Attempts, messages and their outcomes, requests, batches, emits, questions, and what is asked
  /// of the store that are not over.
  std::size_t under_way() const;
  /// Ends every timer, watch, request and emit without a further call, then calls worker_fini. The
  /// adapters on this worker are gone. Not inside a callback.
  void finish();
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  /// Offloaded work and posted tasks that have not ended. Any thread.
  std::size_t outstanding() const { return outstanding_.load(std::memory_order_acquire); }

  Instance& instance() { return instance_; }
  const Environment& environment() const { return environment_; }
  event::Loop& loop() { return environment_.loop; }
  /// What worker_init stored: `self` of the kinds' callbacks.
  void* self() const { return self_; }
  Completions& completions() { return completions_; }

  /// Marks a call into the plugin, also for whoever finds the process dead or this loop stuck;
  /// times it, and runs what was noted for afterwards when it ends.
  class Inside {
   public:
    Inside(Worker& worker, const char* callback);
    /// With deliveries in hand.
    Inside(Worker& worker, const char* callback, std::span<const stage::Attempt> attempts);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Worker& worker_;
    const char* const callback_;
    const MonoTime began_;
    std::uint32_t outer_ = 0;  // who was inside before, and is again afterwards
    bool names_deliveries_ = false;
  };
  /// Runs `work` when the callback that is under way has returned.
  void note(AfterCallback& work);
  /// Before `work` is destroyed.
  void forget(AfterCallback& work);
  bool inside() const { return inside_; }

  /// Whether a host function may act: OK, GONE after finish(), INVALID from another thread.
  std::uint32_t may_call(const char* function);
  /// Counts a completion that came too late, twice, or for nothing; GONE.
  std::uint32_t late(const char* function);
  std::uint32_t misused(std::string_view how);

  // --- host functions (any thread for post)
  std::uint32_t post(void (*fn)(void*), void (*drop)(void*), void* user);
  std::uint32_t offload(void (*work)(void*), void (*done)(void*), void (*drop)(void*), void* user);
  Timers& timers() { return *timers_; }
  HttpCalls& http() { return *http_; }
  Intake& intake() { return *intake_; }
  FdWatches& fds() { return *fds_; }
  StoreDoor& store() { return *store_; }

  static Worker& of(tocsin_worker* handle) { return *reinterpret_cast<Worker*>(handle); }
  tocsin_worker* handle() { return reinterpret_cast<tocsin_worker*>(this); }

 private:
  class Task;
  template <typename... Arguments>
  void tell(const char* callback, void (*fn)(void*, Arguments...), Arguments... arguments);
  void drop_lent();
  void leave(const char* callback, Duration took);
  void run_afterwards();

  Instance& instance_;
  const Environment environment_;
  const std::thread::id thread_;
  CrashMap::Slot* const slot_;  // null: there is none
  const std::uint32_t number_;  // of the instance, in the slot
  Completions completions_;
  void* self_ = nullptr;
  bool inside_ = false;
  bool running_afterwards_ = false;
  bool took_up_ = false;
  bool drained_ = false;
  std::vector<AfterCallback*> afterwards_;
  telemetry::LogLimiter slow_lines_{10, std::chrono::minutes(1)};
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<HttpCalls> http_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<FdWatches> fds_;
  std::unique_ptr<StoreDoor> store_;
  std::atomic<bool> finished_{false};
  std::atomic<std::size_t> outstanding_{0};
};

}  // namespace tocsin::plugin
