#include "gateway/app/component.h"

#include <utility>

#include "gateway/plugin/output_adapter.h"
#include "gateway/plugin/text.h"

namespace tocsin::app {

namespace {

plugin::Refusal refusal_of(script::Refusal refusal) {
  return {Code::kInvalid, std::move(refusal.what), std::move(refusal.key),
          std::move(refusal.place)};
}

// "plugin slack", for sentences.
std::string called(const PluginCode& code) {
  if (code.script != nullptr) return "script " + code.script->name();
  return "plugin " + plugin::copy_of(code.compiled->name);
}

std::string logger_of(const plugin::InstanceName& name) {
  return std::string(kind_name(name.kind)) + "." + name.id;
}

}  // namespace

Component::~Component() {
  const CallUnderWay::Scope call(calls_, logger_of(name_), "destroy of the " + plugin_);
  script_.reset();
  compiled_.reset();
}

bool PluginCode::operator==(const PluginCode& other) const {
  if (script == nullptr || other.script == nullptr) {
    return compiled == other.compiled && script == other.script;
  }
  return script->kind() == other.script->kind() && script->name() == other.script->name() &&
         script->hash() == other.script->hash();
}

tl::expected<std::shared_ptr<Component>, plugin::Refusal> Component::create(
    const PluginCode& code, const plugin::InstanceName& name, const Value& settings,
    const ComponentServices& services) {
  auto component = std::make_shared<Component>();
  component->name_ = name;
  component->plugin_ = called(code);
  const CallUnderWay::Scope call(services.calls, logger_of(name),
                                 "create of the " + component->plugin_);
  if (code.script != nullptr) {
    auto made = script::Instance::create(code.script, name.id, settings, services.scripts);
    if (!made) return tl::unexpected(refusal_of(std::move(made.error())));
    component->script_ = std::move(*made);
  } else {
    auto made = plugin::Instance::create(*code.compiled, name, settings, services.compiled);
    if (!made) return tl::unexpected(std::move(made.error()));
    component->compiled_ = std::move(*made);
  }
  component->calls_ = services.calls;
  return component;
}

tl::expected<void, plugin::Refusal> Component::validate(const PluginCode& code,
                                                        const plugin::InstanceName& name,
                                                        const Value& settings,
                                                        const ComponentServices& services) {
  const CallUnderWay::Scope call(services.calls, logger_of(name),
                                 "validate of the " + called(code));
  if (code.script == nullptr) {
    return plugin::Instance::validate(*code.compiled, name, settings, services.compiled);
  }
  // A script's create() reaches nothing while it is only tried.
  auto made = script::Instance::create(code.script, name.id, settings, services.scripts);
  if (!made) return tl::unexpected(refusal_of(std::move(made.error())));
  return {};
}

bool Component::can_reconfigure() const {
  return script_ != nullptr ? script_->can_reconfigure() : compiled_->can_reconfigure();
}

tl::expected<void, plugin::Refusal> Component::reconfigure(
    const Value& settings, const templates::SettingsPtr& templates) {
  const CallUnderWay::Scope call(calls_, logger_of(name_), "reconfigure of the " + plugin_);
  if (script_ == nullptr) return compiled_->reconfigure(settings, templates);
  auto taken = script_->reconfigure(settings);
  if (!taken) return tl::unexpected(refusal_of(std::move(taken.error())));
  return {};
}

Result<stage::OutputTraits> Component::output_traits() const {
  const CallUnderWay::Scope call(calls_, logger_of(name_), "traits of the " + plugin_);
  return script_ != nullptr ? script_->traits() : plugin::output_traits(*compiled_);
}

const std::string& Component::logger() const {
  return script_ != nullptr ? script_->voice().logger : compiled_->logger();
}

}  // namespace tocsin::app
