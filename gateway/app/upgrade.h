#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/admin/upgrade_door.h"
#include "gateway/app/admin_server.h"
#include "gateway/app/handover.h"
#include "gateway/app/lane_handover.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/loop_group.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// Replaces this process by a new one of the binary that stands at its path now (SIGUSR2). Control
/// loop.
///
///   begin -> the new one serves -> replaced: this one drains, and keeps the sockets open
///         |                          -> the new one dies: another one of this binary is started
///         \-> it does not: this one serves on
class Upgrade final : public admin::UpgradeDoor {
 public:
  /// How many processes are started in the place of one that died, at most.
  static constexpr int kResumesMax = 3;
  /// This process stays so long after each new one served, however soon its drain is over: who dies
  /// of its first requests does so by then.
  static constexpr Duration kStay = std::chrono::seconds(1);

  struct Parts {
    event::Loop& control;
    LoopGroup& loops;
    const ListenerSet& listeners;
    const AdminServer& admin;
    LaneHandover& lanes;
    telemetry::Log& log;
    telemetry::Metrics& metrics;
    Successor::Command command;
    /// The new process serves: this one is to drain.
    Function<void(pid_t)> replaced;
  };
  explicit Upgrade(Parts parts);
  ~Upgrade() override;

  /// Starts the new process; what fails is logged, and this one serves on. `patience`: until it
  /// must be ready.
  void begin(Duration patience);
  bool under_way() const { return gathering_ || successor_.under_way(); }
  /// This process ends. Unless it was replaced, no new one is wanted any more.
  void stop();
  /// The drain is over: `done` is called once the new process knows what lanes here came to know
  /// meanwhile, and has served for a while.
  void finish(Function<void()> done);
  std::optional<admin::UpgradeFailure> last_failure() const override { return failure_; }

 private:
  /// A listening socket, open also when its listener here has closed its own.
  struct Kept {
    std::string name;
    int fd;
  };

  void keep(std::string name, int fd);
  void let_go_of_sockets();
  void start(const Successor::Command& command);
  void on_serves(pid_t pid);
  void on_ended(const std::string& how, bool as_told);
  void hand_over_lanes();
  void failed(std::string_view reason, std::string text);
  void finish_if_over();

  Parts parts_;
  Successor successor_;
  event::Timer stay_;
  MonoTime stay_until_{};
  Duration patience_{};
  std::vector<Kept> sockets_;
  bool gathering_ = false;
  bool stopped_ = false;
  bool replaced_ = false;
  bool handing_over_ = false;
  int resumes_ = 0;
  std::optional<admin::UpgradeFailure> failure_;
  Function<void()> finished_;
  telemetry::Gauge& success_;
  telemetry::Family<telemetry::Counter>& failures_;
};

}  // namespace tocsin::app
