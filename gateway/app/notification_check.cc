#include "gateway/app/notification_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/app/component.h"
#include "gateway/app/fallback_check.h"
#include "gateway/app/route_scripts.h"
#include "gateway/app/secret_lines.h"
#include "gateway/app/template_check.h"
#include "gateway/base/address.h"
#include "gateway/base/text.h"
#include "gateway/config/key_advice.h"
#include "gateway/delivery/lane_policy.h"
#include "gateway/plugin/create_trial.h"
#include "gateway/plugin/instance.h"
#include "gateway/routing/route.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::app {

namespace {

using config::path_of_item;
using config::path_of_key;
using plugin::Kind;

// A plugin that only looks at settings may still log; nobody reads it here.
struct QuietServices {
  QuietServices(const templates::SettingsPtr& templates, CallUnderWay* calls)
      : services{{.log = log, .metrics = plugin_metrics, .templates = templates},
                 {.log = log, .metrics = script_metrics, .templates = templates},
                 calls} {}

  telemetry::Log log{telemetry::standard_error_sink(),
                     {.level = telemetry::LogLevel::kOff, .queue_lines_max = 16}};
  telemetry::Metrics metrics{1};
  plugin::PluginMetrics plugin_metrics{metrics};
  script::ScriptMetrics script_metrics{metrics};
  ComponentServices services;
};

std::vector<std::string_view> names_of(const Value& map) {
  std::vector<std::string_view> names;
  for (const Value::Entry& entry : map.as<Value::Map>()) names.emplace_back(entry.key);
  return names;
}

class NotificationChecker {
 public:
  NotificationChecker(const Value& root, const PluginCatalog& catalog, CallUnderWay* calls)
      : root_(root), catalog_(catalog), quiet_(catalog.templates(), calls) {}

  config::Diagnostics run() {
    check_templates(root_, faults_);
    instances();
    routes();
    storage();
    dead_letters();
    for (const Value::Entry& listener : root_.at("listeners").as<Value::Map>()) doors(listener);
    secret_lines_.hide(faults_);
    return std::move(faults_);
  }

 private:
  void blame(const Place& place, std::string path, std::string message, std::string hint) {
    faults_.push_back({place, std::move(path), std::move(message), std::move(hint)});
  }

  void instances() {
    for (const Value::Entry& entry : root_.at("inputs").as<Value::Map>()) {
      instance(Kind::kInput, entry.key, entry.value, path_of_key("inputs", entry.key));
    }
    for (const Value::Entry& entry : root_.at("outputs").as<Value::Map>()) {
      const std::string path = path_of_key("outputs", entry.key);
      instance(Kind::kOutput, entry.key, entry.value, path);
      const Value& delivery = entry.value.at("delivery");
      const auto policy = delivery::LanePolicy::make(delivery);
      if (policy) continue;
      const delivery::LanePolicyFault& fault = policy.error();
      blame(fault.place.file ? fault.place : entry.key_place, path + ".delivery." + fault.key,
            fault.what, "");
    }
    check_fallbacks(root_.at("outputs"), faults_);
    std::set<std::string_view> seen;
    const auto& filters = root_.at("filters").as<Value::List>();
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const std::string path = path_of_item("filters", i);
      const Value* id = filters[i].find("id");
      const std::string& name = id == nullptr ? filters[i].string("type") : id->as<std::string>();
      instance(Kind::kFilter, name, filters[i], path);
      if (!seen.insert(name).second) {
        blame(filters[i].place(), path, "the filter " + name + " is in this list twice",
              "give one of them an id: of its own if both are meant");
      }
    }
  }

  void instance(Kind kind, const std::string& id, const Value& settings, const std::string& path) {
    const std::string& type = settings.string("type");
    secret_lines_.add(*catalog_.find(plugin::kind_name(kind), type), settings);
    const auto accepted =
        Component::validate(catalog_.code(kind, type), {kind, id}, settings, quiet_.services);
    if (accepted) return;
    const plugin::Refusal& refusal = accepted.error();
    blame(refusal.place, refusal.key.empty() ? path : path + "." + refusal.key, refusal.what, "");
  }

  void routes() {
    const Value& list = root_.at("routes");
    const std::vector<std::string_view> outputs = names_of(root_.at("outputs"));
    const auto routes = routing::build_routes(list, outputs);
    if (!routes) {
      for (const routing::RouteFault& fault : routes.error()) {
        blame(fault.place, fault.path, fault.message, fault.hint);
      }
    } else {
      for (const RouteScriptCode& script :
           open_route_scripts(list, *routes, catalog_.scripts().module_folders(), faults_)) {
        create_route_script(script, quiet_.services, faults_);
      }
    }
    const auto& inputs = root_.at("inputs").as<Value::Map>();
    if (inputs.empty() || !list.as<Value::List>().empty()) return;
    blame(inputs.front().key_place, path_of_key("inputs", inputs.front().key),
          "there are inputs and no routes, so nobody would hear of what comes in",
          "write routes: [{outputs: [NAME]}]");
  }

  void dead_letters() {
    const Value& settings = root_.at("dead_letters");
    const Value* waits = settings.find("redrive");
    const Value& early = settings.at("redrive_on_recovery");
    if (early.as<bool>() && waits != nullptr && waits->as<Value::List>().empty()) {
      blame(early.place(), "dead_letters.redrive_on_recovery",
            "nothing waits to be sent again, since redrive is []",
            "write redrive: [7d] to wait for the breaker and for nothing else");
    }
    const Value* mirror = settings.find("mirror");
    if (mirror == nullptr || root_.at("outputs").find(mirror->as<std::string>()) != nullptr) return;
    blame(mirror->place(), "dead_letters.mirror", "there is no output " + mirror->as<std::string>(),
          "");
  }

  void storage() {
    const Value* storage = root_.find("storage");
    const auto& inputs = root_.at("inputs").as<Value::Map>();
    const auto& outputs = root_.at("outputs").as<Value::Map>();
    if (storage != nullptr) return instance(Kind::kStorage, "storage", *storage, "storage");
    if (inputs.empty() && outputs.empty()) return;
    const Value::Entry& first = inputs.empty() ? outputs.front() : inputs.front();
    blame(first.key_place, path_of_key(inputs.empty() ? "outputs" : "inputs", first.key),
          "there is no storage to keep notifications in",
          "write storage: {type: sqlite, path: /var/lib/tocsin/outbox.db}");
  }

  // Routes of a listener that end in a plugin: an input, or else an output of that name.
  void doors(const Value::Entry& listener) {
    const auto& routes = listener.value.at("routes").as<Value::List>();
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const Value* name = routes[i].find("plugin");
      if (name == nullptr) continue;
      const std::string path =
          path_of_item(path_of_key("listeners", listener.key) + ".routes", i) + ".plugin";
      const auto& wanted = name->as<std::string>();
      if (const Value* input = root_.at("inputs").find(wanted)) {
        if (answers(Kind::kInput, *input, *name, path)) guarded(listener, *input, *name, path);
      } else if (const Value* output = root_.at("outputs").find(wanted)) {
        (void)answers(Kind::kOutput, *output, *name, path);
      } else {
        unknown_handler(*name, path);
      }
    }
  }

  // Whether the plugin behind a route is one that answers requests.
  bool answers(Kind kind, const Value& settings, const Value& name, const std::string& path) {
    const std::string& type = settings.string("type");
    if (catalog_.code(kind, type).handles()) return true;
    const std::string word(plugin::kind_name(kind));
    const bool input = kind == Kind::kInput;
    blame(name.place(), path,
          "the " + word + " " + name.as<std::string>() + " answers no HTTP requests",
          input ? "name an input of type http"
                : "outputs of type " + type + " are called back by nobody");
    return false;
  }

  void unknown_handler(const Value& name, const std::string& path) {
    const std::vector<std::string_view> inputs = names_of(root_.at("inputs"));
    const auto meant = closest(name.as<std::string>(), inputs);
    std::string hint = "name one of inputs:, or an output that is called back";
    if (meant) hint = "did you mean \"" + std::string(*meant) + "\"?";
    blame(name.place(), path, "there is no input \"" + name.as<std::string>() + "\"",
          std::move(hint));
  }

  // Whoever reaches a listener may send when an input knows no tokens.
  void guarded(const Value::Entry& listener, const Value& input, const Value& name,
               const std::string& path) {
    const Value* tokens = input.find("tokens");
    const Value* open = input.find("open");
    if (tokens == nullptr || open == nullptr) return;
    if (!tokens->as<Value::Map>().empty() || open->as<bool>()) return;
    const Result<Address> address = parse_address(listener.value.string("address"));
    if (is_loopback(address->host)) return;
    blame(name.place(), path,
          "everybody who reaches " + listener.value.string("address") +
              " could send notifications: the input has no tokens",
          "give the input tokens: {NAME: \"...\"}, or open: true if that is meant");
  }

  const Value& root_;
  const PluginCatalog& catalog_;
  QuietServices quiet_;
  SecretLines secret_lines_;
  config::Diagnostics faults_;
};

// What is tried, and where the configuration names it.
struct Trials {
  std::vector<plugin::CreateTrial> trials;
  std::vector<std::string> paths;
  std::vector<Place> places;
  SecretLines secret_lines;

  void add(Kind kind, const std::string& id, const Value& settings, std::string path,
           const PluginCatalog& catalog) {
    const PluginCode code = catalog.code(kind, settings.string("type"));
    if (code.compiled == nullptr) return;  // the check has tried it, in a state of its own
    trials.push_back({code.compiled, {kind, id}, &settings});
    paths.push_back(std::move(path));
    places.push_back(settings.place());
    secret_lines.add(*catalog.find(plugin::kind_name(kind), settings.string("type")), settings);
  }
};

Trials trials_of(const Value& root, const PluginCatalog& catalog) {
  Trials all;
  for (const Value::Entry& entry : root.at("inputs").as<Value::Map>()) {
    all.add(Kind::kInput, entry.key, entry.value, path_of_key("inputs", entry.key), catalog);
  }
  const auto& filters = root.at("filters").as<Value::List>();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    all.add(Kind::kFilter, filters[i].string("type"), filters[i], path_of_item("filters", i),
            catalog);
  }
  for (const Value::Entry& entry : root.at("outputs").as<Value::Map>()) {
    all.add(Kind::kOutput, entry.key, entry.value, path_of_key("outputs", entry.key), catalog);
  }
  if (const Value* storage = root.find("storage")) {
    all.add(Kind::kStorage, "storage", *storage, "storage", catalog);
  }
  return all;
}

}  // namespace

config::Diagnostics try_notifications(const Value& root, const PluginCatalog& catalog) {
  const Trials all = trials_of(root, catalog);
  config::Diagnostics faults;
  const auto outcomes =
      plugin::try_create(all.trials, plugin::kCreateTrialMax, catalog.templates());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) continue;
    const plugin::Refusal& refusal = outcomes[i].error();
    const std::string& path = all.paths[i];
    faults.push_back({refusal.place.file ? refusal.place : all.places[i],
                      refusal.key.empty() ? path : path + "." + refusal.key,
                      refusal.what,
                      {},
                      false});
  }
  all.secret_lines.hide(faults);
  return faults;
}

config::Diagnostics check_notifications(const Value& root, const PluginCatalog& catalog,
                                        CallUnderWay* calls) {
  return NotificationChecker(root, catalog, calls).run();
}

}  // namespace tocsin::app
