#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/base/clock.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/message/message.h"
#include "gateway/script/failure.h"

struct lua_State;

namespace tocsin::script {

class State;
class Worker;

/// What a call waits for; destroying it gives up. When it has come it calls Call::resume(), outside
/// of Lua, as the last thing it does.
class Wait {
 public:
  virtual ~Wait() = default;
  /// Pushes what the script gets; how many values. Inside the call, once. May raise.
  virtual int push_result(lua_State* lua) = 0;
};

/// One call of a script's function at a time, in a coroutine that is kept for the next. It runs
/// until it ends or waits; exactly one end comes for each begin(), unless it is abandoned. Loop
/// thread; nothing of the gateway runs on the script's stack.
class Call {
 public:
  explicit Call(Worker& worker);
  virtual ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Runs the function until it ends, ended() included, or waits; also for its turn, when the
  /// instance has had its share of the loop.
  void begin();
  bool is_open() const { return is_open_; }
  /// Gives the call up: no end comes. Not inside of Lua.
  void abandon();
  /// Ends a call that waits, at once, as kExpired.
  void cut() {
    if (is_open_) expire();
  }

  /// How long it may wait in all; then it ends with kExpired. Zero: whoever began it abandons it.
  void set_patience(Duration patience) { patience_ = patience; }

  // For functions that scripts call, and for waits.
  lua_State* thread() const { return thread_; }
  /// As the last expression of a C function: `return call.wait(lua, ...)`.
  int wait(lua_State* lua, std::unique_ptr<Wait> wait);
  void resume();
  virtual bool may_wait() const { return true; }
  /// When the world outside stops to care; requests end by then.
  virtual MonoTime deadline() const { return MonoTime::max(); }
  /// What is noted while the script runs: which function it is and which delivery it has in hand.
  virtual const char* callback() const = 0;
  virtual const message::DeliveryId* delivery() const { return nullptr; }

 protected:
  Worker& worker() { return worker_; }

 private:
  /// Pushes the function and its arguments; how many arguments. May raise.
  virtual int push(lua_State* lua) = 0;
  /// Looks at the results, 1 to lua_gettop(). May raise.
  virtual void take(lua_State* lua) = 0;
  /// The end; `failure` is null when take() saw the results. May begin the call again.
  virtual void ended(const Failure* failure) = 0;
  /// Another state serves from now on: what was kept in the old one's is gone.
  virtual void renewed() {}

  static int body(lua_State* lua);
  static int body_done(lua_State* lua, int status, std::intptr_t self);
  static int inner(lua_State* lua);
  static int inner_done(lua_State* lua, int status, std::intptr_t self);
  static int woken(lua_State* lua, int status, std::intptr_t self);

  void begin_now();
  void put_off(Duration rest);
  void take_turn();
  bool adopt_state();
  void drop_thread();
  void run(int arguments);
  void expire();
  void finish();

  Worker& worker_;
  std::shared_ptr<State> state_;
  lua_State* thread_ = nullptr;
  int thread_ref_ = 0;
  bool is_open_ = false;
  std::int64_t instructions_left_ = 0;
  Duration patience_ = Duration::zero();
  std::optional<Failure> failure_;
  std::unique_ptr<Wait> wait_;
  std::unique_ptr<Wait> over_;  // whose callback may be on the stack
  event::Timer expiry_;
  event::Timer turn_;
};

}  // namespace tocsin::script
