#pragma once

#include <set>
#include <string>

#include "gateway/app/access_logs.h"
#include "gateway/app/construction_thread.h"
#include "gateway/app/loop_group.h"
#include "gateway/app/snapshot_swap.h"

namespace tocsin::app {

/// Closes the access logs that no snapshot names any more: first each loop lets go of them, then
/// they are written to their end, on the construction thread, as a disk may block. Control thread.
class AccessLogSweep {
 public:
  /// All outlive this object.
  AccessLogSweep(LoopGroup& loops, const SnapshotSwap& swap, AccessLogs& logs,
                 ConstructionThread& construction)
      : loops_(loops), swap_(swap), logs_(logs), construction_(construction) {}

  /// To be called when a snapshot has gone, or was refused after its logs had been opened.
  void begin();

 private:
  std::set<std::string> named() const;
  void close_others(std::set<std::string> kept);

  LoopGroup& loops_;
  const SnapshotSwap& swap_;
  AccessLogs& logs_;
  ConstructionThread& construction_;
};

}  // namespace tocsin::app
