#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/notifications.h"
#include "gateway/base/arena.h"
#include "gateway/delivery/intake.h"
#include "gateway/delivery/lane.h"
#include "gateway/delivery/outbox_ledger.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/delivery/outbox_records.h"
#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/client.h"
#include "gateway/http/tcp_connector.h"
#include "gateway/plugin/filter_adapter.h"
#include "gateway/plugin/handler_adapter.h"
#include "gateway/plugin/output_adapter.h"

namespace tocsin::app {

/// Every lane's door by the index of its output.
using DoorList = std::vector<delivery::LaneDoor*>;

/// The notification part of one loop: its way to the outbox, the lanes that are at home here, and
/// its share of every plugin instance. The control thread makes and destroys it while nobody runs
/// the loop; what lies between happens on the loop's thread.
class LoopNotifications {
 public:
  /// `home`: the worker's index; lanes of outputs with another home are not made here. The control
  /// loop has none.
  static constexpr std::size_t kNoHome = ~std::size_t{0};
  LoopNotifications(Notifications& shared, event::Loop& loop, BlockPool& pool, std::size_t home);
  ~LoopNotifications();
  LoopNotifications(const LoopNotifications&) = delete;
  LoopNotifications& operator=(const LoopNotifications&) = delete;

  /// Adds the doors of this loop's lanes at their outputs' indexes.
  void add_doors(DoorList& doors);

  /// Starts the plugins of this loop. Loop thread, before it runs; afterwards notifications flow.
  /// An error is a plugin's words.
  Result<void> start(const DoorList& doors);
  /// The handler of an input, for routes; null: there is no such input, or it answers nothing.
  plugin::HandlerAdapter* handler(std::string_view input);
  stage::Emit& emit() { return *intake_; }
  stage::Ledger& ledger() { return *ledger_; }
  stage::Records& records() { return *records_; }
  const std::vector<std::unique_ptr<delivery::Lane>>& lanes() const { return lanes_; }

  /// Lets no attempt begin any more and calls `done` when this loop's lanes hold nothing.
  void drain(Duration grace, Function<void()> done);
  /// Ends the plugins of this loop. Every exchange is over, and the front has stopped.
  void finish();

 private:
  Result<plugin::Worker*> start_worker(plugin::Instance& instance);
  Result<void> start_filters();
  Result<void> start_outputs();
  Result<void> start_inputs();
  Result<void> open_client();

  Notifications& shared_;
  event::Loop& loop_;
  BlockPool& pool_;
  const std::size_t home_;
  delivery::OutboxPort port_;
  std::vector<std::unique_ptr<delivery::Lane>> lanes_;
  std::vector<const OutputPart*> lane_outputs_;  // of lanes_, one each

  std::unique_ptr<event::Resolver> resolver_;
  std::unique_ptr<http::TcpConnector> connector_;
  std::unique_ptr<http::HttpClient> client_;
  std::vector<plugin::Worker*> workers_;
  std::vector<std::unique_ptr<plugin::FilterAdapter>> filters_;
  std::vector<std::unique_ptr<plugin::OutputAdapter>> outputs_;
  std::unique_ptr<delivery::Intake> intake_;
  std::unique_ptr<delivery::OutboxLedger> ledger_;
  std::unique_ptr<delivery::OutboxRecords> records_;
  std::map<std::string, std::unique_ptr<plugin::HandlerAdapter>, std::less<>> handlers_;
  std::size_t draining_ = 0;  // lanes that still hold something
  Function<void()> on_drained_;
};

}  // namespace tocsin::app
