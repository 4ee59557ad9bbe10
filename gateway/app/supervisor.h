#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"

namespace tocsin::app {

/// Tells a service manager how the process does: datagrams to NOTIFY_SOCKET as sd_notify(3) has
/// them. Without that variable nothing is said. Made while there is one thread; then the control
/// thread's.
class Supervisor {
 public:
  /// Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  Supervisor();
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void ready(std::string_view status);
  void status(std::string_view text);
  /// ready() follows.
  void reloading();
  void stopping(std::string_view status);
  /// Another process is the service from now on, and tells of it; this one says no more. What it
  /// said would be taken for the service's: that it stops, for example.
  void hand_over_to(long pid);
  void alive();

  /// How often alive() is expected, when it is: half of what the manager waits.
  std::optional<Duration> alive_every() const { return alive_every_; }

 private:
  void send(const std::string& message) const;

  int socket_ = -1;
  std::string address_;
  std::optional<Duration> alive_every_;
};

}  // namespace tocsin::app
