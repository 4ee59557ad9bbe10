#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/access_logs.h"
#include "gateway/app/emit_switch.h"
#include "gateway/app/estate.h"
#include "gateway/app/loop_lanes.h"
#include "gateway/app/loop_plugins.h"
#include "gateway/app/loop_servers.h"
#include "gateway/app/plugin_suppressions.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/arena.h"
#include "gateway/delivery/dead_letter_notices.h"
#include "gateway/delivery/intake.h"
#include "gateway/delivery/outbox_ledger.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/delivery/outbox_records.h"
#include "gateway/delivery/outbox_reports.h"
#include "gateway/delivery/suppressions.h"
#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/client.h"
#include "gateway/http/tcp_connector.h"
#include "gateway/http/transport_connector.h"
#include "gateway/script/route.h"

namespace tocsin::app {

/// What one loop has to stop using: instances that no snapshot names any more, and the outputs
/// among them whose lanes end.
struct Leaving {
  std::vector<Component*> instances;
  std::vector<std::string> outputs;
  Duration grace{};
};

/// One loop's share of the estate, and of each snapshot that is alive. The control thread makes and
/// destroys it while nobody runs the loop; everything else happens on the loop's thread.
///
///   make_lanes -> prepare -> commit ... (a later commit) ... retire -> let_go
///                        \-> discard
class LoopEstate {
 public:
  /// `home`: the worker's index; lanes of outputs with another home are not made here. The control
  /// loop has none, and serves no listeners.
  static constexpr std::size_t kNoHome = ~std::size_t{0};
  LoopEstate(Estate& shared, AccessLogs& logs, event::Loop& loop, std::size_t home);
  ~LoopEstate();
  LoopEstate(const LoopEstate&) = delete;
  LoopEstate& operator=(const LoopEstate&) = delete;

  /// Once, first, on the loop's thread.
  void open();
  /// Goes over to the store of the estate, by this port, and makes what all plugins here share. An
  /// error: as after close_store().
  Result<void> open_store(std::unique_ptr<delivery::OutboxPort> port);
  /// Lets go of it again. Since open_store() nothing was committed here.
  void close_store();

  /// The doors of the lanes at home here, by output; the others are null.
  DoorList make_lanes(const Snapshot& snapshot);
  /// Starts what is new in the snapshot, without serving by it yet. An error is a plugin's words.
  /// One snapshot at a time is between this and commit() or discard().
  Result<void> prepare(const Snapshot& snapshot, DoorList doors, std::vector<ListenerPart> parts);
  /// Serves by it from now on.
  void commit();
  /// Forgets it, and the lanes that were made for it.
  void discard();

  /// Lets those instances take what only one of a name can hold.
  void take_up(const std::vector<Component*>& instances);
  /// Calls `done` once nothing here goes by that snapshot any more; after `grace` what still does
  /// is cut. It is not the current one.
  void retire(const Snapshot& snapshot, Duration grace, Function<void()> done);
  /// Calls `done` once those lanes are gone and those instances have no part here.
  void let_go(const Leaving& leaving, Function<void()> done);
  /// Destroys servers that accept no more and are empty; the ids of those that are left.
  std::vector<std::uint64_t> sweep_listeners() { return servers_.sweep(); }

  /// See LoopServers.
  void retire_servers() { servers_.retire(); }
  void drain_servers() { servers_.drain(); }
  std::vector<LoopServers::Listening> listening() const { return servers_.listening(); }
  /// Lets no attempt begin any more and calls `done` when this loop's lanes hold nothing.
  void drain_lanes(Duration grace, Function<void()> done);
  /// What the lanes here know of their pace, for the process after this one, which writes it down
  /// from now on.
  PaceStates give_paces();
  /// See LoopLanes.
  void adopt_paces(const PaceStates& states);
  /// Cuts every connection and ends the plugins here. The front has stopped.
  void finish();

  stage::Emit& emit() { return emit_; }
  stage::Ledger& ledger() { return *ledger_; }
  stage::Records& records() { return *records_; }
  delivery::Suppressions& suppressions() { return *suppressions_; }
  /// The handler of an input or output that runs here; null: it answers nothing.
  plugin::HandlerAdapter* handler(const PluginPart& part);
  LoopAccessLogs& access_logs() { return *logs_; }
  LoopLanes& lanes() { return *lanes_; }
  event::Loop& loop() { return loop_; }
  bool has_store() const { return port_ != nullptr; }
  /// Whether settlements are committed, as far as this loop was told.
  bool store_up() const { return port_ == nullptr || port_->status().up; }

 private:
  static constexpr Duration kLook = std::chrono::milliseconds(10);

  // One snapshot here.
  struct Part {
    const Snapshot* snapshot = nullptr;
    std::vector<std::unique_ptr<script::ScriptRoute>> scripts;
    std::unique_ptr<delivery::Intake> intake;
    std::vector<ListenerPart> listeners;
    RouteTables routes;
    // While it retires:
    MonoTime cut_at{};
    bool cut = false;
    Function<void()> on_gone;
  };

  Result<void> open_client();
  void drop_lent();
  Result<void> prepare_notifications(Part& part, DoorList doors);
  Result<void> start_route_scripts(Part& part);
  Result<void> start_outputs(const Snapshot& snapshot);
  void adopt_policies(const Snapshot& snapshot);
  Result<void> start_inputs(const Snapshot& snapshot);
  bool in_use(const Part& part);
  std::vector<Component*> leaving(const Part& part) const;
  void cut(const Part& part);
  void look_at_retiring();
  void let_go_of_instances(const std::vector<Component*>& instances);

  Estate& shared_;
  AccessLogs& access_logs_;
  event::Loop& loop_;
  BlockPool pool_;
  const std::size_t home_;
  std::unique_ptr<delivery::OutboxPort> port_;  // null without a store
  std::unique_ptr<LoopAccessLogs> logs_;
  std::unique_ptr<event::Resolver> resolver_;
  std::unique_ptr<http::TcpConnector> plain_connector_;
  std::unique_ptr<http::TransportConnector> connector_;
  std::unique_ptr<http::HttpClient> client_;
  std::unique_ptr<delivery::OutboxLedger> ledger_;
  std::unique_ptr<delivery::OutboxRecords> records_;
  std::unique_ptr<delivery::Suppressions> suppressions_;
  std::unique_ptr<delivery::PaceKeeper> pace_keeper_;
  delivery::DeadLetterNotices notices_;
  std::unique_ptr<delivery::OutboxReports> reports_;
  std::unique_ptr<PluginSuppressions> plugin_suppressions_;
  std::unique_ptr<LoopLanes> lanes_;
  std::unique_ptr<LoopPlugins> plugins_;
  LoopServers servers_;
  EmitSwitch emit_;
  std::unique_ptr<Part> prepared_;
  std::unique_ptr<Part> current_;
  std::vector<std::unique_ptr<Part>> retiring_;
  event::Timer retire_look_;
};

}  // namespace tocsin::app
