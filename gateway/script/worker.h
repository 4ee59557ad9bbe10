#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/script/environment.h"
#include "gateway/script/failure.h"
#include "gateway/script/loop_share.h"
#include "gateway/telemetry/log_limiter.h"

struct lua_State;

namespace tocsin::script {

class Instance;

/// An instance on one loop: its Lua state, and a successor when the script filled the first one
/// with what it keeps. Loop thread.
class Worker {
 public:
  /// A state that is full gets a successor, but not more often than this: until then calls fail.
  static constexpr Duration kRenewEvery = std::chrono::seconds(1);

  Worker(Instance& instance, std::shared_ptr<const Value> settings, const Environment& environment);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs the script and its create(). Errors are the script's words.
  Result<void> start();
  /// Gives the state what Instance::reconfigure accepted, as every loop of the instance must. A
  /// state that fails at it begins anew with those settings.
  void reconfigure();
  /// Closes the state. Every call is gone. Twice is once.
  void finish();

  Instance& instance() { return instance_; }
  event::Loop& loop() { return environment_.loop; }
  const Environment& environment() const { return environment_; }
  /// Where the next call runs.
  const std::shared_ptr<State>& state();

  /// How long until a call may run on, so that others have their share of the loop; zero: it may.
  Duration rest() const { return share_.rest(environment_.loop.now()); }
  void took(Duration time, Duration wasted) { share_.took(environment_.loop.now(), time, wasted); }

  /// Notes who is inside, with which delivery, while it lives.
  class Inside {
   public:
    Inside(Worker& worker, const char* callback, const message::DeliveryId* delivery = nullptr)
        : presence_(worker.presence_.get()) {
      if (presence_ != nullptr) presence_->enter(callback, delivery);
    }
    ~Inside() {
      if (presence_ != nullptr) presence_->leave();
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    stage::Presence* presence_;
  };

  /// Counts and logs why a call came to nothing.
  void failed(const Failure& failure);

 private:
  Result<std::shared_ptr<State>> build();

  Instance& instance_;
  const Environment environment_;
  const std::unique_ptr<stage::Presence> presence_;  // null: it is noted nowhere
  std::shared_ptr<const Value> settings_;
  std::shared_ptr<State> state_;
  MonoTime renew_not_before_{};
  LoopShare share_;
  telemetry::LogLimiter lines_{10, std::chrono::minutes(1)};
};

}  // namespace tocsin::script
