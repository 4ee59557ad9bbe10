#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/script/limits.h"

struct lua_State;
struct lua_Debug;

namespace tocsin::script {

class Host;

/// Which limit a slice ran into. Once one has, nothing in the script runs on: every look at the
/// limits raises again, and what could catch an error (pcall, a coroutine) passes it through.
enum class Spent : std::uint8_t { kNothing, kInstructions, kTime, kMemory };

/// "instructions", "time", "memory".
std::string_view spent_name(Spent spent);

/// What a slice left of its call's budget.
struct Left {
  std::int64_t instructions = 0;
  Spent spent = Spent::kNothing;
  bool was_refused = false;          ///< memory that Lua did not ask for again: an error came of it
  Duration took = Duration::zero();  ///< zero: too little to be worth a look at the clock
  Duration wasted = Duration::zero();  ///< of the thread's own time, when something is spent
  std::string where;  ///< when something is spent: "file.lua:12", as far as it is known

  /// "file.lua:12: the script ran too many instructions".
  std::string text() const;
};

/// A Lua state that holds what one script may reach and nothing else. One thread. Whatever may
/// raise an error runs under run_protected() or in a coroutine.
class State {
 public:
  using Function = int (*)(lua_State*);

  /// Opens the sandbox. `clock` outlives it. Errors: kFull, the limits leave no room for it.
  static Result<std::unique_ptr<State>> create(const Limits& limits, const Clock& clock);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  lua_State* main() const { return main_; }
  static State& of(lua_State* lua);
  const Limits& limits() const { return limits_; }

  /// A slice begins: `instructions` are what its call has left. Slices do not nest.
  void enter(std::int64_t instructions);
  Left leave();

  /// Runs `function` with `argument` as its only one, a light userdata, in a slice of its own; its
  /// results are dropped. False: `failure` says why.
  bool run_protected(Function function, void* argument, std::string& failure,
                     Spent* spent = nullptr);

  /// For functions that scripts call. Each may raise, and does so when a limit is spent.
  void check(lua_State* lua);
  void charge(lua_State* lua, std::int64_t instructions);
  /// What a loop of ours may count down by itself; call check() after it.
  std::int64_t& instructions_left() { return instructions_left_; }

  /// Makes `lua` count instructions from the beginning: for a coroutine of the host's after a limit
  /// was spent in it.
  void watch(lua_State* lua);

  /// What lives in it fills so much of its memory that calls are going to fail: it wants a
  /// successor.
  bool worn_out() const { return worn_out_; }
  std::size_t memory_bytes() const { return memory_bytes_; }

  /// The coroutine that the host runs now; null outside of calls. Host functions that wait work in
  /// it alone.
  lua_State* host_thread() const { return host_thread_; }
  void set_host_thread(lua_State* lua) { host_thread_ = lua; }

  /// What the script's functions reach; host.h gives it.
  Host* host() const { return host_.get(); }
  void set_host(std::shared_ptr<Host> host) { host_ = std::move(host); }

 private:
  State(const Limits& limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  static void* allocate(void* state, void* block, std::size_t old_size, std::size_t new_size);
  bool may_grow(std::size_t by, std::size_t to);
  void read_clock();
  void note_where(lua_State* lua);
  static void look(lua_State* lua, lua_Debug* event);
  [[noreturn]] void raise(lua_State* lua);

  const Limits limits_;
  const Clock& clock_;
  std::shared_ptr<Host> host_;  // shared, because only host.cc knows how to destroy it
  lua_State* main_ = nullptr;
  lua_State* host_thread_ = nullptr;

  std::size_t memory_bytes_ = 0;
  bool worn_out_ = false;

  // Of the slice.
  bool entered_ = false;
  Spent spent_ = Spent::kNothing;
  std::string spent_where_;
  std::int64_t instructions_left_ = 0;
  std::uint64_t churn_bytes_ = 0;
  int forced_collections_ = 0;
  std::size_t refused_bytes_ = 0;  // the size that was refused last, until something is granted
  bool was_refused_ = false;
  bool clock_was_read_ = false;
  MonoTime began_{};
  Duration cpu_began_{};
};

}  // namespace tocsin::script
