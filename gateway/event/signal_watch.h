#pragma once

#include "gateway/base/function.h"
#include "gateway/event/loop.h"

namespace tocsin::event {

/// Runs a callback on a loop when the process gets a signal. Destroying it restores the default.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, int signal_number, Function<void()> callback);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace tocsin::event
