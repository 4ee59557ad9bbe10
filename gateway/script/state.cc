// Limits that a script cannot catch its way out of.
//
//   instructions, time   a hook looks every kLookInstructions and, once spent, at each instruction
//   memory               the allocator refuses; Lua collects and asks again; the second no is spent
//   C functions          the hook does not run in them: those that loop are ours (sandbox.cc,
//                        string_library.cc) and charge what they do, and no block is larger than
//                        what a single instruction may chew on
//
// Where Lua itself would run a script's code with the hook off, that code cannot be there: a
// finalizer (__gc) is refused by setmetatable, and no message handler is ever given to Lua, so
// xpcall calls its own once the stack is unwound.

#include "gateway/script/state.h"

#include <lauxlib.h>
#include <lua.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/script/sandbox.h"

namespace tocsin::script {

namespace {

// Of what was left by the collection before. Low, because Lua's text buffers fail instead of asking
// for a collection when garbage fills the limit.
constexpr int kCollectAtPercent = 130;

struct Protected {
  State::Function function;
  void* argument;
};

int run_function(lua_State* lua) {
  const auto& call = *static_cast<Protected*>(lua_touserdata(lua, 1));
  lua_settop(lua, 0);
  lua_pushlightuserdata(lua, call.argument);
  return call.function(lua);
}

Duration thread_cpu_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec);
}

int open_all(lua_State* lua) {
  open_sandbox(lua);
  return 0;
}

}  // namespace

std::string_view spent_name(Spent spent) {
  switch (spent) {
    case Spent::kInstructions:
      return "instructions";
    case Spent::kTime:
      return "time";
    case Spent::kMemory:
      return "memory";
    case Spent::kNothing:
      break;
  }
  return "nothing";
}

std::string Left::text() const {
  std::string text = where.empty() ? "the script " : where + ": the script ";
  switch (spent) {
    case Spent::kInstructions:
      return text + "ran too many instructions";
    case Spent::kTime:
      return text + "ran too long";
    case Spent::kMemory:
      return text + "took too much memory";
    case Spent::kNothing:
      break;
  }
  return text + "ended";
}

Result<std::unique_ptr<State>> State::create(const Limits& limits, const Clock& clock) {
  std::unique_ptr<State> state(new State(limits, clock));
  state->main_ = lua_newstate(allocate, state.get());
  if (state->main_ == nullptr) return fail(Code::kFull, "there is no memory for a Lua state");
  // New threads begin with a copy of this room.
  *static_cast<State**>(lua_getextraspace(state->main_)) = state.get();
  state->watch(state->main_);
  lua_gc(state->main_, LUA_GCINC, kCollectAtPercent, 0, 0);
  std::string failure;
  if (!state->run_protected(open_all, nullptr, failure)) {
    return fail(Code::kFull, "the sandbox cannot be opened: " + failure);
  }
  return state;
}

State::~State() {
  if (main_ != nullptr) lua_close(main_);
}

State& State::of(lua_State* lua) { return **static_cast<State**>(lua_getextraspace(lua)); }

void State::watch(lua_State* lua) { lua_sethook(lua, look, LUA_MASKCOUNT, kLookInstructions); }

// ---- slices

void State::enter(std::int64_t instructions) {
  TOCSIN_ASSERT(!entered_, "a script was entered while it ran");
  entered_ = true;
  spent_ = Spent::kNothing;
  instructions_left_ = instructions;
  churn_bytes_ = 0;
  forced_collections_ = 0;
  refused_bytes_ = 0;
  was_refused_ = false;
  clock_was_read_ = false;
}

Left State::leave() {
  entered_ = false;
  host_thread_ = nullptr;
  Left left{.instructions = instructions_left_,
            .spent = std::exchange(spent_, Spent::kNothing),
            .was_refused = was_refused_ || refused_bytes_ != 0,
            .took = clock_was_read_ ? clock_.mono() - began_ : Duration::zero(),
            .wasted = {},
            .where = std::exchange(spent_where_, {})};
  if (left.spent != Spent::kNothing && clock_was_read_) {
    left.wasted = thread_cpu_time() - cpu_began_;
  }
  if (left.spent == Spent::kMemory || left.was_refused) {
    lua_gc(main_, LUA_GCCOLLECT);
    worn_out_ = memory_bytes_ > limits_.memory_bytes_max / 2;
  }
  return left;
}

bool State::run_protected(Function function, void* argument, std::string& failure, Spent* spent) {
  Protected call{function, argument};
  enter(limits_.instructions_max);
  lua_pushcfunction(main_, run_function);
  lua_pushlightuserdata(main_, &call);
  const int status = lua_pcall(main_, 1, 0, 0);
  if (status != LUA_OK) {
    failure = error_text(main_);
    lua_settop(main_, 0);
  }
  const Left left = leave();
  if (left.spent != Spent::kNothing) {
    failure = left.text();
    watch(main_);
  }
  if (spent != nullptr) *spent = left.spent;
  return status == LUA_OK;
}

// ---- instructions and time

// Time is the thread's own, so that a busy machine is not held against a script; the other clock is
// cheaper and says when to look. A slice shorter than kLookInstructions reads neither.
void State::read_clock() {
  if (std::exchange(clock_was_read_, true)) return;
  began_ = clock_.mono();
  cpu_began_ = thread_cpu_time();
}

void State::look(lua_State* lua, lua_Debug* /*event*/) {
  State& state = of(lua);
  state.instructions_left_ -= kLookInstructions;
  if (state.spent_ == Spent::kNothing) {
    state.read_clock();
    const MonoTime now = state.clock_.mono();
    if (state.instructions_left_ < 0) {
      state.spent_ = Spent::kInstructions;
    } else if (now - state.began_ >= state.limits_.slice_max &&
               thread_cpu_time() - state.cpu_began_ >= state.limits_.slice_max) {
      state.spent_ = Spent::kTime;
    }
  }
  if (state.spent_ == Spent::kNothing) {
    lua_Debug at;
    if (lua_getstack(lua, kCallDepthMax, &at) != 0) luaL_error(lua, "stack overflow");
    return;
  }
  lua_sethook(lua, look, LUA_MASKCOUNT, 1);
  state.raise(lua);
}

void State::check(lua_State* lua) {
  if (spent_ == Spent::kNothing && instructions_left_ < 0) spent_ = Spent::kInstructions;
  if (spent_ != Spent::kNothing) raise(lua);
}

void State::charge(lua_State* lua, std::int64_t instructions) {
  if (instructions >= kLookInstructions) read_clock();
  // A negative or absurd amount is beyond every budget.
  if (instructions < 0 || instructions > instructions_left_) {
    instructions_left_ = -1;
  } else {
    instructions_left_ -= instructions;
  }
  check(lua);
}

// The value says nothing, because a text would need memory: the host knows why from leave().
void State::raise(lua_State* lua) {
  if (spent_where_.empty()) note_where(lua);
  lua_pushlightuserdata(lua, this);
  lua_error(lua);
  std::abort();  // lua_error does not return
}

void State::note_where(lua_State* lua) {
  lua_Debug at{};
  for (int level = 0; lua_getstack(lua, level, &at) != 0; ++level) {
    lua_getinfo(lua, "Sl", &at);
    if (at.currentline <= 0) continue;  // a C function
    spent_where_ = std::string(at.short_src) + ":" + std::to_string(at.currentline);
    return;
  }
}

// ---- memory

void* State::allocate(void* user, void* block, std::size_t old_size, std::size_t new_size) {
  State& state = *static_cast<State*>(user);
  if (block == nullptr) old_size = 0;  // Lua says there what the block is going to be
  if (new_size == 0) {
    std::free(block);
    state.memory_bytes_ -= old_size;
    return nullptr;
  }
  if (new_size > old_size && !state.may_grow(new_size - old_size, new_size)) return nullptr;
  void* const grown = std::realloc(block, new_size);
  if (grown == nullptr) return new_size <= old_size ? block : nullptr;
  state.memory_bytes_ += new_size - old_size;
  return grown;
}

// After a refusal Lua collects all garbage and asks for the same again; only its text buffers do
// not.
bool State::may_grow(std::size_t by, std::size_t to) {
  churn_bytes_ += to;
  const bool is_too_much = to > limits_.block_bytes_max || churn_bytes_ > limits_.churn_bytes_max;
  if (!is_too_much && memory_bytes_ + by <= limits_.memory_bytes_max) {
    if (refused_bytes_ != 0 && refused_bytes_ != to) was_refused_ = true;
    refused_bytes_ = 0;
    return true;
  }
  const bool was_refused = std::exchange(refused_bytes_, to) == to;
  if (is_too_much || was_refused || ++forced_collections_ > kForcedCollectionsMax) {
    if (spent_ == Spent::kNothing) spent_ = Spent::kMemory;
  }
  return false;
}

}  // namespace tocsin::script
