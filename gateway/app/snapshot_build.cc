#include "gateway/app/snapshot_build.h"

#include <utility>

#include "gateway/app/config_changes.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/reload_trial.h"

namespace tocsin::app {

namespace {

constexpr Duration kTrialPatience = std::chrono::seconds(30);

// What a plugin that dies or hangs in its create does, it does there.
config::Diagnostics try_plugins(const std::string& path) {
  const auto report = try_in_process(path, kTrialPatience);
  if (!report) {
    const Place place{std::make_shared<const std::string>(path), 0, 0};
    return {fault_at(place, report.error().where, report.error().what)};
  }
  config::Diagnostics faults;
  for (const admin::ConfigFault& fault : *report) {
    const Place place{std::make_shared<const std::string>(fault.file), fault.line, fault.column};
    faults.push_back({place, fault.path, fault.message, fault.hint, false});
  }
  return faults;
}

}  // namespace

void build_snapshot(SnapshotBuild& build) {
  build.catalog = std::make_unique<PluginCatalog>();
  auto loaded = load_gateway(build.path, *build.catalog, build.environment, &build.calls);
  if (!loaded) {
    build.faults = std::move(loaded.error().diagnostics);
    return;
  }
  build.faults = restart_faults(build.before->settings(), loaded->root, build.storage);
  if (!build.faults.empty()) return;
  const Value root = loaded->root;  // the snapshot takes the rest
  const bool first_store = build.storage == nullptr && root.find("storage") != nullptr;
  if (first_store || Snapshot::makes_new(loaded->root, *build.catalog, *build.before)) {
    build.faults = try_plugins(build.path);
    if (!build.faults.empty()) return;
  }
  auto made = Snapshot::make(build.number, std::move(*loaded), *build.catalog, build.before.get(),
                             build.estate);
  if (!made) {
    build.faults = std::move(made.error());
    return;
  }
  build.changes = config_changes(*build.before, **made);
  if (build.changes.empty()) return;
  if (first_store) {
    auto opened = build.estate.open_store(root, *build.catalog);
    if (!opened) {
      build.faults = std::move(opened.error());
      return;
    }
    build.store = build.thread.keep(std::move(*opened));
  }
  build.made = build.thread.keep(std::move(*made));
}

}  // namespace tocsin::app
