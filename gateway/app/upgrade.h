#pragma once

#include <memory>
#include <vector>

#include "gateway/app/admin_server.h"
#include "gateway/app/handover.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/loop_group.h"
#include "gateway/telemetry/log.h"

namespace tocsin::app {

/// Replaces this process by a new one of the binary that stands at its path now (SIGUSR2). Control
/// loop.
class Upgrade {
 public:
  struct Parts {
    event::Loop& control;
    LoopGroup& loops;
    const ListenerSet& listeners;
    const AdminServer& admin;
    telemetry::Log& log;
    Successor::Command command;
    /// The new process serves: this one is to drain.
    Function<void(pid_t)> replaced;
  };
  explicit Upgrade(Parts parts);

  /// Starts the new process; what fails is logged, and this one serves on. `patience`: until it
  /// must be ready.
  void begin(Duration patience);
  bool under_way() const { return gathering_ || successor_.under_way(); }
  /// This process ends otherwise: no new one is wanted any more.
  void stop();

 private:
  void start(std::vector<HandedSocket> sockets);
  void failed(const Error& why);

  Parts parts_;
  Successor successor_;
  Duration patience_{};
  bool gathering_ = false;
  bool stopped_ = false;
};

}  // namespace tocsin::app
