#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/loop_servers.h"
#include "gateway/app/snapshot.h"
#include "gateway/config/diagnostic.h"
#include "gateway/event/tcp.h"
#include "gateway/http/server.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// The listening sockets of the process and what the loops of each listener share. A listener is
/// its name and its address: as long as snapshots name both, its sockets stay open. Control thread.
///
///   plan -> take_parts -> commit | discard ... sweep
class ListenerSet {
 public:
  ListenerSet(telemetry::Metrics& metrics, std::size_t workers)
      : metrics_(metrics), workers_(workers) {}

  /// Takes the ports that the snapshot names and that are not open yet; each fault names its
  /// setting, and then none is kept.
  config::Diagnostics plan(const Snapshot& snapshot);
  /// The planned listeners for one loop, with a socket where it has none yet. Once for each; loops
  /// behind the last worker get none.
  std::vector<ListenerPart> take_parts(std::size_t loop);
  /// The loops serve what was planned, by its limits.
  void commit();
  /// Gives back the ports that were taken for the plan.
  void discard() { planned_.clear(); }
  /// Lets go of former listeners that are not among `ids`, those some loop still serves.
  void sweep(const std::vector<std::uint64_t>& ids);

  struct Shown {
    std::string name;
    event::Address address;
  };
  /// Those that serve.
  std::vector<Shown> shown() const;
  std::size_t open_connections() const;

 private:
  struct Listener {
    std::uint64_t id = 0;
    std::string name;
    std::string written;  // the address as the configuration has it
    event::Address address;
    std::vector<event::ListeningSocket> sockets;  // one per worker until it is theirs
    std::unique_ptr<http::ServerShared> shared;
    telemetry::MetricCallback open_now;
  };
  using ListenerPtr = std::shared_ptr<Listener>;
  struct Planned {
    ListenerPtr listener;
    const Value* settings;
  };

  Result<ListenerPtr> open(const Value::Entry& entry);

  telemetry::Metrics& metrics_;
  const std::size_t workers_;
  std::uint64_t next_id_ = 1;
  std::vector<Planned> planned_;
  std::vector<ListenerPtr> serving_;
  std::vector<ListenerPtr> former_;
};

}  // namespace tocsin::app
