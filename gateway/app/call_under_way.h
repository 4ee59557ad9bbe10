#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "gateway/base/clock.h"

namespace tocsin::app {

/// The call into a plugin's code that one thread is inside, so that others can say whose fault it
/// is that nothing goes on. Any thread may look; one makes the calls.
class CallUnderWay {
 public:
  struct Seen {
    std::string instance;  ///< as its logger says it: "output.ops-chat"
    std::string what;      ///< "create of the plugin slack"
    MonoTime since{};
  };

  explicit CallUnderWay(const Clock& clock = SystemClock::instance()) : clock_(clock) {}
  CallUnderWay(const CallUnderWay&) = delete;
  CallUnderWay& operator=(const CallUnderWay&) = delete;

  /// Nothing: no plugin's code runs there.
  std::optional<Seen> look() const;

  /// One call, from its beginning to its end. They do not nest.
  class Scope {
   public:
    /// Null: nobody looks, and nothing is noted.
    Scope(CallUnderWay* calls, std::string instance, std::string what);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    CallUnderWay* const calls_;
  };

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::optional<Seen> seen_;  // guarded by mutex_
};

}  // namespace tocsin::app
