#pragma once

#include "gateway/plugin/crash_map.h"

namespace tocsin::plugin {

/// Fatal signals (SIGSEGV, SIGABRT and their like) write into the slot of the thread they meet that
/// it died of them; then the process dies of them as it would have.
class CrashSignals {
 public:
  /// Takes the signals for the process, once; whoever had them before comes after.
  static void install();
  /// The calling thread runs the loop of this slot; null: none. Gives the thread a stack for
  /// signals, because its own may be what ran out.
  static void enter_thread(CrashMap::Slot* slot);
};

}  // namespace tocsin::plugin
