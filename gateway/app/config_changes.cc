#include "gateway/app/config_changes.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin::app {

namespace {

using admin::ConfigChange;

void compare_maps(const Value& before, const Value& after, std::string_view what,
                  std::vector<ConfigChange>& changes) {
  for (const Value::Entry& entry : after.as<Value::Map>()) {
    const Value* old = before.find(entry.key);
    if (old == nullptr) {
      changes.push_back({std::string(what), entry.key, "added"});
    } else if (!same_content(*old, entry.value)) {
      changes.push_back({std::string(what), entry.key, "changed"});
    }
  }
  for (const Value::Entry& entry : before.as<Value::Map>()) {
    if (after.find(entry.key) == nullptr) {
      changes.push_back({std::string(what), entry.key, "removed"});
    }
  }
}

// A plugin whose file was replaced says the same in other code, and one that reads files itself may
// take others from the same settings.
void compare_instances(const PluginPart& before, const PluginPart& after, const Snapshot& made,
                       std::string_view what, std::vector<ConfigChange>& changes) {
  if (!same_content(*before.settings, *after.settings)) return;
  const bool adopts =
      std::ranges::find(made.reconfigured(), after.instance.get()) != made.reconfigured().end();
  if (before.code == after.code && before.instance == after.instance && !adopts) return;
  changes.push_back({std::string(what), after.id, "changed"});
}

bool same_setting(const Value& before, const Value& after, std::string_view key) {
  const Value* old = before.find(key);
  const Value* now = after.find(key);
  if (old == nullptr || now == nullptr) return old == now;
  return same_content(*old, *now);
}

config::Diagnostic restart_fault(const Place& place, std::string path) {
  return {place, std::move(path), "changing it needs a restart",
          "restart the gateway, or put back what was there", false};
}

void compare_plugins(const Snapshot& before, const Snapshot& after,
                     std::vector<ConfigChange>& changes) {
  for (const OutputPart& output : after.outputs()) {
    const OutputPart* old = before.output(output.plugin.id);
    if (old != nullptr) {
      compare_instances(old->plugin, output.plugin, after, "output", changes);
    }
  }
  const auto compare = [&](const auto& olds, const auto& news, std::string_view what) {
    for (const PluginPart& part : news) {
      const auto old = std::ranges::find(olds, part.id, &PluginPart::id);
      if (old != olds.end()) compare_instances(*old, part, after, what, changes);
    }
  };
  compare(before.inputs(), after.inputs(), "input");
  compare(before.filters(), after.filters(), "filter");
  compare(before.route_scripts(), after.route_scripts(), "route");
}

}  // namespace

std::vector<ConfigChange> config_changes(const Snapshot& before, const Snapshot& after) {
  std::vector<ConfigChange> changes;
  const Value& old = before.settings();
  const Value& now = after.settings();
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kMaps = {
      {{"listeners", "listener"}, {"inputs", "input"}, {"outputs", "output"}}};
  for (const auto& [key, what] : kMaps) compare_maps(old.at(key), now.at(key), what, changes);
  for (const Value::Entry& entry : now.as<Value::Map>()) {
    const bool map =
        std::ranges::any_of(kMaps, [&](const auto& m) { return m.first == entry.key; });
    if (map || same_setting(old, now, entry.key)) continue;
    changes.push_back({entry.key, {}, old.find(entry.key) == nullptr ? "added" : "changed"});
  }
  for (const Value::Entry& entry : old.as<Value::Map>()) {
    if (now.find(entry.key) == nullptr) changes.push_back({entry.key, {}, "removed"});
  }
  compare_plugins(before, after, changes);
  return changes;
}

config::Diagnostics restart_faults(const Value& before, const Value& after, const Value* storage) {
  config::Diagnostics faults;
  const auto look = [&](const Value& old, const Value& now, std::string_view key,
                        const std::string& path) {
    if (same_setting(old, now, key)) return;
    const Value* value = now.find(key);
    const Place& place = value != nullptr && value->place().file ? value->place() : now.place();
    faults.push_back(restart_fault(place, path));
  };
  // The first store is opened, and one that is not named any more stays open.
  const Value* wanted = after.find("storage");
  if (storage != nullptr && wanted != nullptr && !same_content(*storage, *wanted)) {
    faults.push_back(restart_fault(wanted->place(), "storage"));
  }
  look(before.at("gateway"), after.at("gateway"), "workers", "gateway.workers");
  look(before.at("gateway"), after.at("gateway"), "crash_map", "gateway.crash_map");
  const Value& old_log = before.at("gateway").at("log");
  const Value& log = after.at("gateway").at("log");
  look(old_log, log, "output", "gateway.log.output");
  look(old_log, log, "format", "gateway.log.format");
  return faults;
}

std::vector<admin::ConfigFault> to_faults(const config::Diagnostics& faults) {
  std::vector<admin::ConfigFault> shown;
  for (const config::Diagnostic& fault : faults) {
    shown.push_back({fault.place.file ? *fault.place.file : std::string(), fault.place.line,
                     fault.place.column, fault.path, fault.message, fault.hint});
  }
  return shown;
}

}  // namespace tocsin::app
