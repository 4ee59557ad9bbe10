#pragma once

#include <cstddef>
#include <optional>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/event/loop.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

/// What a drain brings to an end. Control loop; each `done` comes there, once, maybe at once.
class Drainable {
 public:
  virtual ~Drainable() = default;

  /// Of all listeners.
  virtual std::size_t connections() const = 0;
  /// No listener accepts any more, no attempt begins any more, and what waits in the lanes goes
  /// back to the store. After `grace` attempts are cut.
  virtual void retire(Duration grace, Function<void()> done) = 0;
  /// Connections close after their exchange, idle ones now.
  virtual void drain_servers() = 0;

  virtual bool store_up() = 0;
  /// How many attempts are under way.
  virtual void count_attempts(Function<void(std::size_t)> done) = 0;
  /// Writes what is left and closes; without a store at once.
  virtual void stop_store(Function<void()> done) = 0;
};

/// The orderly end of a gateway: nothing new, then what was begun, then the store.
///
///   retire -> idle connections have had their patience -> servers drain
///          -> connections are gone, or the grace is over
///          -> lanes are empty, or what they wait for will not come -> the store stops -> over
class Drain {
 public:
  static constexpr Duration kLook = std::chrono::milliseconds(10);
  /// Attempts are cut when the grace is over; what they came to is then still to be written.
  static constexpr Duration kSettleGrace = std::chrono::seconds(2);

  /// Both outlive this object. `over` is called once; whatever could not be ended by then is left.
  Drain(event::Loop& control, telemetry::Log& log, Drainable& what, Function<void()> over);

  /// Once. Idle connections are left alone for `idle_patience`, half of the grace at most.
  void begin(Duration grace, Duration idle_patience);

  bool begun() const { return begun_; }
  /// Once over: nothing was cut short.
  bool complete() const { return complete_; }
  /// The store was stopped.
  bool store_stopped() const { return store_stopped_; }

 private:
  void look();
  bool in_vain();
  void look_at_attempts();
  void finish(bool in_vain);

  event::Loop& control_;
  telemetry::Log& log_;
  Drainable& what_;
  Function<void()> over_;
  event::Timer look_;
  MonoTime until_{};
  MonoTime idle_until_{};                     // connections without a request are left alone
  std::optional<MonoTime> store_down_since_;  // as far as the drain has seen
  bool begun_ = false;
  bool servers_drained_ = false;
  bool lanes_drained_ = false;
  bool looking_at_attempts_ = false;
  bool attempts_over_ = false;
  bool complete_ = false;
  bool store_stopped_ = false;
};

}  // namespace tocsin::app
