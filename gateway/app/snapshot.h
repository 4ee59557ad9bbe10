#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/component.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/load.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/plugin/change.h"
#include "gateway/routing/router.h"
#include "gateway/stage/output.h"

namespace tocsin::app {

class Estate;

/// A plugin with settings, as one snapshot names it. Snapshots that say the same of it share the
/// instance.
struct PluginPart {
  plugin::Kind kind = plugin::Kind::kOutput;
  std::string id;    ///< its name in the configuration
  std::string type;  ///< the plugin's name
  PluginCode code;
  const OptionTable* options = nullptr;  ///< of that code, while its catalog lives
  const Value* settings = nullptr;       ///< in the snapshot's configuration
  std::shared_ptr<Component> instance;
  templates::SettingsPtr templates = nullptr;  ///< the configuration's

  /// "output/sms".
  std::string label() const { return std::string(kind_name(kind)) + "/" + type; }
  /// What it means for the instance that `was` has to become this.
  plugin::Change change_since(const PluginPart& was) const;
  /// Whether templates mean the same in both.
  bool same_templates(const PluginPart& was) const;
};

/// An output, whatever loop it lives on.
struct OutputPart {
  PluginPart plugin;
  stage::OutputTraits traits;
  delivery::LanePolicy policy;
  std::size_t home = 0;  ///< the worker whose loop its lane lives on
};

/// The settings and plugin instances of one configuration. Immutable once made. Made and ended on
/// the construction thread, which ConstructionThread::keep sees to; the control thread lets it go
/// once no loop uses it any more.
class Snapshot {
 public:
  /// Makes what `config` names; instances that `before` has with the same content are shared, and
  /// so are those that could prepare what is new of it. What cannot be made is a fault that names
  /// its setting. `config` was accepted by load_gateway with this catalog.
  static tl::expected<std::shared_ptr<const Snapshot>, config::Diagnostics> make(
      std::uint64_t number, config::LoadedConfig config, const PluginCatalog& catalog,
      const Snapshot* before, Estate& estate);

  /// Whether make() would have to create an instance, or to prepare one for other settings.
  static bool makes_new(const Value& root, const PluginCatalog& catalog, const Snapshot& before);

  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  /// Counts the configurations of this process from 1.
  std::uint64_t number() const { return number_; }
  const Value& settings() const { return config_.root; }
  const config::LoadedConfig& config() const { return config_; }
  /// False: there are neither inputs nor outputs, and nothing below is used.
  bool notifies() const { return settings().find("storage") != nullptr; }
  Duration shutdown_grace() const { return settings().at("gateway").duration("shutdown_grace"); }

  const std::vector<PluginPart>& inputs() const { return inputs_; }
  const std::vector<PluginPart>& filters() const { return filters_; }
  const std::vector<OutputPart>& outputs() const { return outputs_; }
  const routing::Router& router() const { return *router_; }
  /// What becomes of dead letters.
  delivery::DeadLetterPolicy dead_letters() const;
  /// Of the routes that a script decides, as the router counts them.
  const std::vector<PluginPart>& route_scripts() const { return route_scripts_; }

  /// The output of that name, or null.
  const OutputPart* output(std::string_view name) const;
  /// What a listener's route of that name leads to: the input, or else the output; null: neither.
  const PluginPart* handler(std::string_view name) const;
  /// Every instance of it but the storage.
  std::vector<Component*> instances() const;
  bool uses(const Component& instance) const;
  /// Those of them that adopt what they have prepared once the snapshot serves.
  const std::vector<Component*>& reconfigured() const { return reconfigured_; }
  /// The instance of that kind and name, or null.
  std::shared_ptr<Component> instance(plugin::Kind kind, std::string_view id) const;

 private:
  class Maker;
  Snapshot(std::uint64_t number, config::LoadedConfig config);

  const std::uint64_t number_;
  const config::LoadedConfig config_;
  std::vector<PluginPart> inputs_;
  std::vector<PluginPart> filters_;
  std::vector<OutputPart> outputs_;
  std::vector<PluginPart> route_scripts_;
  std::vector<Component*> reconfigured_;
  std::optional<routing::Router> router_;
};

/// A fault found while something was made: place, path and words as they are.
config::Diagnostic fault_at(const Place& place, std::string path, std::string message);

}  // namespace tocsin::app
