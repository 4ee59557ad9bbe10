// body()   a protected call, so that whatever goes wrong ends inside the coroutine, which lives on
//   inner()   pushes and calls the function, then looks at its results: all that may need memory
// A host function that waits yields from inside of inner(); resume() goes on there.

#include "gateway/script/call.h"

#include <lauxlib.h>
#include <lua.h>

#include <utility>

#include "gateway/base/assert.h"
#include "gateway/script/host.h"
#include "gateway/script/sandbox.h"
#include "gateway/script/state.h"
#include "gateway/script/worker.h"

namespace tocsin::script {

namespace {

struct NewThread {
  lua_State* thread = nullptr;
  int reference = 0;
};

int make_thread(lua_State* lua) {
  auto& made = *static_cast<NewThread*>(lua_touserdata(lua, 1));
  lua_State* thread = lua_newthread(lua);
  made.reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  made.thread = thread;
  return 0;
}

Call& call_of(std::intptr_t self) { return *reinterpret_cast<Call*>(self); }

}  // namespace

Call::Call(Worker& worker)
    : worker_(worker),
      expiry_(worker.loop().timers(), [this] { expire(); }),
      turn_(worker.loop().timers(), [this] { take_turn(); }) {}

Call::~Call() {
  wait_.reset();
  drop_thread();
}

void Call::begin() {
  TOCSIN_ASSERT(!is_open_, "a call was begun while it was open");
  is_open_ = true;
  const Duration rest = worker_.rest();
  if (rest == Duration::zero()) return begin_now();
  if (may_wait()) return put_off(rest);
  failure_ = Failure{Failure::Kind::kTime, "the script took too much of its loop's time: it rests"};
  finish();
}

void Call::put_off(Duration rest) {
  turn_.arm_after(rest);
  if (patience_ > Duration::zero() && !expiry_.armed()) expiry_.arm_after(patience_);
}

// Of those whose turn comes in one tick only the first ones may have it.
void Call::take_turn() {
  if (const Duration rest = worker_.rest(); rest > Duration::zero()) return put_off(rest);
  if (wait_ == nullptr) return begin_now();
  over_ = std::move(wait_);
  run(0);
}

void Call::begin_now() {
  if (!adopt_state()) return finish();
  instructions_left_ = state_->limits().instructions_max;
  lua_pushcfunction(thread_, body);
  lua_pushlightuserdata(thread_, this);
  run(1);
}

// False: there is no room for a coroutine; failure_ says so.
bool Call::adopt_state() {
  const std::shared_ptr<State>& state = worker_.state();
  if (state == state_ && thread_ != nullptr) return true;
  drop_thread();
  if (state != state_) renewed();
  state_ = state;
  NewThread made;
  std::string why;
  Spent spent = Spent::kNothing;
  if (state_->run_protected(make_thread, &made, why, &spent)) {
    thread_ = made.thread;
    thread_ref_ = made.reference;
    return true;
  }
  failure_ = Failure{failure_kind(spent), std::move(why)};
  return false;
}

void Call::drop_thread() {
  if (thread_ == nullptr) return;
  luaL_unref(state_->main(), LUA_REGISTRYINDEX, thread_ref_);
  thread_ = nullptr;
}

void Call::run(int arguments) {
  State& state = *state_;
  state.enter(instructions_left_);
  state.set_host_thread(thread_);
  state.host()->set_call(this);
  int results = 0;
  int status = LUA_OK;
  {
    const Worker::Inside inside(worker_, callback(), delivery());
    status = lua_resume(thread_, nullptr, arguments, &results);
  }
  state.host()->set_call(nullptr);
  const Left left = state.leave();
  instructions_left_ = left.instructions;
  worker_.took(left.took, left.wasted);
  if (left.spent != Spent::kNothing) {
    failure_ = Failure{failure_kind(left.spent), left.text()};
    state.watch(thread_);
  } else if (failure_ && left.was_refused) {
    failure_->kind = Failure::Kind::kMemory;
  }
  if (status == LUA_YIELD && wait_ != nullptr) {
    if (patience_ > Duration::zero() && !expiry_.armed()) expiry_.arm_after(patience_);
    return;
  }
  if (status == LUA_OK) {
    lua_settop(thread_, 0);
  } else {
    // Not even body() could begin, or somebody yielded who was not to.
    if (!failure_) failure_ = Failure{Failure::Kind::kError, error_text(thread_)};
    drop_thread();
  }
  finish();
}

int Call::body(lua_State* lua) {
  void* self = lua_touserdata(lua, 1);
  lua_settop(lua, 0);
  lua_pushcfunction(lua, inner);
  lua_pushlightuserdata(lua, self);
  const auto context = reinterpret_cast<std::intptr_t>(self);
  return body_done(lua, lua_pcallk(lua, 1, 0, 0, context, body_done), context);
}

int Call::body_done(lua_State* lua, int status, std::intptr_t self) {
  if (status != LUA_OK && status != LUA_YIELD) {
    call_of(self).failure_ = Failure{Failure::Kind::kError, error_text(lua)};
  }
  return 0;
}

int Call::inner(lua_State* lua) {
  auto& self = *static_cast<Call*>(lua_touserdata(lua, 1));
  lua_settop(lua, 0);
  const int arguments = self.push(lua);
  const auto context = reinterpret_cast<std::intptr_t>(&self);
  lua_callk(lua, arguments, LUA_MULTRET, context, inner_done);
  return inner_done(lua, LUA_OK, context);
}

int Call::inner_done(lua_State* lua, int /*status*/, std::intptr_t self) {
  call_of(self).take(lua);
  return 0;
}

int Call::wait(lua_State* lua, std::unique_ptr<Wait> wait) {
  wait_ = std::move(wait);
  return lua_yieldk(lua, 0, reinterpret_cast<std::intptr_t>(this), woken);
}

int Call::woken(lua_State* lua, int /*status*/, std::intptr_t self) {
  return call_of(self).over_->push_result(lua);
}

void Call::resume() {
  TOCSIN_ASSERT(is_open_ && wait_ != nullptr, "a call was resumed that does not wait");
  take_turn();
}

void Call::expire() {
  turn_.cancel();
  wait_.reset();
  drop_thread();
  failure_ = Failure{Failure::Kind::kExpired, "the script waited too long"};
  finish();
}

void Call::abandon() {
  expiry_.cancel();
  turn_.cancel();
  wait_.reset();
  failure_.reset();
  drop_thread();
  is_open_ = false;
}

void Call::finish() {
  expiry_.cancel();
  is_open_ = false;
  if (!failure_) return ended(nullptr);
  const Failure failure = *std::exchange(failure_, std::nullopt);
  worker_.failed(failure);
  ended(&failure);
}

}  // namespace tocsin::script
