#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"

namespace tocsin::app {

/// Where a thread of this process is: a signal makes it write down its own stack, into memory that
/// was there before. One capture at a time; the caller's thread waits.
class StackCapture {
 public:
  /// The innermost frames that are kept.
  static constexpr int kFramesMax = 48;
  /// How long the thread may take to hear the signal: one inside the kernel may not.
  static constexpr Duration kPatience = std::chrono::milliseconds(500);

  /// Takes the signal (SIGRTMIN + 4) for the process. Any thread, again and again.
  static void install();

  /// The frames of the thread with that system number, innermost first, as
  /// "output_sms.so(connect+0x1f)" or, without a symbol, "output_sms.so(+0x2f1c)". Empty when the
  /// thread is gone or does not answer.
  static std::vector<std::string> of(int thread_number);
};

}  // namespace tocsin::app
