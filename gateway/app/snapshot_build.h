#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/admin/config_door.h"
#include "gateway/app/call_under_way.h"
#include "gateway/app/construction_thread.h"
#include "gateway/app/estate.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/snapshot.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"

namespace tocsin::app {

/// From the files of a configuration to a snapshot, or why not. Handed to the construction thread
/// and back, and touched by nobody else meanwhile.
struct SnapshotBuild {
  std::string path;  ///< the configuration file
  const config::Environment& environment;
  Estate& estate;
  ConstructionThread& thread;
  CallUnderWay& calls;
  std::uint64_t number = 0;                ///< of the snapshot that is made
  std::shared_ptr<const Snapshot> before;  ///< that serves
  const Value* storage = nullptr;          ///< what the store was opened with; null: there is none

  // What came of it.
  std::unique_ptr<PluginCatalog> catalog;
  std::shared_ptr<const Snapshot> made;      ///< null: faults, or nothing changes
  std::shared_ptr<OpenStore> store;          ///< opened for it, when there was none
  std::vector<admin::ConfigChange> changes;  ///< since `before`
  config::Diagnostics faults;                ///< none: it went well
};

/// Reads, checks, tries the plugins in a process of their own when some are new, makes them, and
/// opens the first store. What it made ends on this thread again, whoever lets go of it.
/// Construction thread.
void build_snapshot(SnapshotBuild& build);

}  // namespace tocsin::app
