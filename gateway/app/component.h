#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/app/call_under_way.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/plugin/instance.h"
#include "gateway/script/instance.h"
#include "gateway/stage/output.h"

namespace tocsin::app {

/// The code of a plugin: a shared object or a script, exactly one of the two.
struct PluginCode {
  const tocsin_plugin* compiled = nullptr;
  std::shared_ptr<const script::Script> script;

  /// Whether it answers HTTP requests.
  bool handles() const { return compiled != nullptr && compiled->handler != nullptr; }
  /// The same code, which for scripts is the same text.
  bool operator==(const PluginCode& other) const;
};

/// What the process lends instances of either sort. Outlives them.
struct ComponentServices {
  plugin::Services compiled;
  script::Services scripts;
  CallUnderWay* calls = nullptr;  ///< told of each call below; null: nobody looks
};

/// A plugin with settings, whatever it is written in. Everything here runs its code: on the
/// construction thread of a gateway, one call at a time.
class Component {
 public:
  Component() = default;
  ~Component();
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;

  static tl::expected<std::shared_ptr<Component>, plugin::Refusal> create(
      const PluginCode& code, const plugin::InstanceName& name, const Value& settings,
      const ComponentServices& services);
  /// Asks the plugin about settings that its table accepted; nothing stays.
  static tl::expected<void, plugin::Refusal> validate(const PluginCode& code,
                                                      const plugin::InstanceName& name,
                                                      const Value& settings,
                                                      const ComponentServices& services);

  /// What an output says of itself. kInvalid: what it says cannot be.
  Result<stage::OutputTraits> output_traits() const;
  /// "output.ops-chat": who speaks in its log lines.
  const std::string& logger() const;

  plugin::Kind kind() const { return name_.kind; }
  const std::string& id() const { return name_.id; }
  /// Whether it can take other values of its reloadable options.
  bool can_reconfigure() const;
  /// See plugin::Instance and script::Instance.
  tl::expected<void, plugin::Refusal> reconfigure(const Value& settings,
                                                  const templates::SettingsPtr& templates);

  /// One of the two is null.
  plugin::Instance* compiled() const { return compiled_.get(); }
  script::Instance* script() const { return script_.get(); }

 private:
  plugin::InstanceName name_{};
  std::string plugin_;  // "plugin slack"
  CallUnderWay* calls_ = nullptr;
  plugin::InstancePtr compiled_;
  std::unique_ptr<script::Instance> script_;
};

}  // namespace tocsin::app
