#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/inherited_sockets.h"
#include "gateway/app/listen_address.h"
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
  /// Sockets that `inherited` has are taken from there; it outlives this object.
  ListenerSet(telemetry::Metrics& metrics, std::size_t workers, InheritedSockets& inherited)
      : metrics_(metrics), workers_(workers), inherited_(inherited) {}

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
  /// The name of one that serves; empty: none does by that id.
  std::string name_of(std::uint64_t id) const;
  std::size_t open_connections() const;

 private:
  struct Listener {
    std::uint64_t id = 0;
    std::string name;
    std::string written;    // the address as the configuration has it
    ListenAddress address;  // with the port it got
    // By worker, until they are theirs: each has at least one.
    std::vector<std::vector<event::ListeningSocket>> sockets;
    std::unique_ptr<http::ServerShared> shared;
    telemetry::MetricCallback open_now;
  };
  using ListenerPtr = std::shared_ptr<Listener>;
  struct Planned {
    ListenerPtr listener;
    const Value* settings;
  };

  Result<ListenerPtr> open(const Value::Entry& entry);
  bool overlaps_own(const ListenAddress& address) const;
  Result<void> open_sockets(Listener& listener, event::ListenOptions options);

  telemetry::Metrics& metrics_;
  const std::size_t workers_;
  InheritedSockets& inherited_;
  std::uint64_t next_id_ = 1;
  std::vector<Planned> planned_;
  std::vector<ListenerPtr> serving_;
  std::vector<ListenerPtr> former_;
};

}  // namespace tocsin::app
