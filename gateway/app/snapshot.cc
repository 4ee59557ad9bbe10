#include "gateway/app/snapshot.h"

#include <algorithm>
#include <utility>

#include "gateway/app/estate.h"
#include "gateway/app/route_scripts.h"
#include "gateway/base/assert.h"
#include "gateway/config/key_advice.h"

namespace tocsin::app {

using plugin::Kind;

config::Diagnostic fault_at(const Place& place, std::string path, std::string message) {
  return {place, std::move(path), std::move(message), {}, false};
}

// How the gateway delivers is its own business: an output's plugin does not see it.
bool PluginPart::same_content(const PluginPart& other) const {
  return code == other.code && same_content_but(*settings, *other.settings, "delivery");
}

namespace {

PluginPart part_of(Kind kind, const std::string& id, const Value& settings,
                   const PluginCatalog& catalog) {
  const std::string& type = settings.string("type");
  return {kind, id, type, catalog.code(kind, type), &settings, nullptr};
}

const std::string& filter_id(const Value& filter) {
  const Value* id = filter.find("id");
  return id == nullptr ? filter.string("type") : id->as<std::string>();
}

// The part of an earlier snapshot that is the same plugin with the same settings, or null.
const PluginPart* same_part(const std::vector<PluginPart>& before, const PluginPart& part) {
  const auto same = std::ranges::find_if(
      before, [&](const PluginPart& old) { return old.id == part.id && old.same_content(part); });
  return same == before.end() ? nullptr : &*same;
}

}  // namespace

/// Fills a snapshot.
class Snapshot::Maker {
 public:
  Maker(Snapshot& made, const PluginCatalog& catalog, const Snapshot* before, Estate& estate)
      : made_(made), catalog_(catalog), before_(before), estate_(estate) {}

  config::Diagnostics run() {
    const Value& root = made_.settings();
    for (const Value::Entry& entry : root.at("inputs").as<Value::Map>()) {
      add(made_.inputs_, before_ == nullptr ? nullptr : &before_->inputs_,
          part_of(Kind::kInput, entry.key, entry.value, catalog_),
          config::path_of_key("inputs", entry.key));
    }
    const auto& filters = root.at("filters").as<Value::List>();
    for (std::size_t i = 0; i < filters.size(); ++i) {
      add(made_.filters_, before_ == nullptr ? nullptr : &before_->filters_,
          part_of(Kind::kFilter, filter_id(filters[i]), filters[i], catalog_),
          config::path_of_item("filters", i));
    }
    for (const Value::Entry& entry : root.at("outputs").as<Value::Map>()) add_output(entry);
    build_router();
    return std::move(faults_);
  }

 private:
  void add(std::vector<PluginPart>& list, const std::vector<PluginPart>* before, PluginPart part,
           const std::string& path) {
    if (before != nullptr) {
      if (const PluginPart* same = same_part(*before, part)) part.instance = same->instance;
    }
    if (part.instance == nullptr && !create(part, path)) return;
    list.push_back(std::move(part));
  }

  void add_output(const Value::Entry& entry) {
    const std::string path = config::path_of_key("outputs", entry.key);
    auto policy = delivery::LanePolicy::make(entry.value.at("delivery"));
    TOCSIN_ASSERT(policy.has_value(), "a policy that was checked cannot be made");
    OutputPart output{
        part_of(Kind::kOutput, entry.key, entry.value, catalog_), {}, std::move(*policy), 0};
    const OutputPart* old = before_ == nullptr ? nullptr : before_->output(entry.key);
    if (old != nullptr && old->plugin.same_content(output.plugin)) {
      output.plugin.instance = old->plugin.instance;
      output.traits = old->traits;
    } else {
      if (!create(output.plugin, path)) return;
      auto traits = output.plugin.instance->output_traits();
      if (!traits) {
        faults_.push_back(fault_at(entry.key_place, path, traits.error().text()));
        return;
      }
      output.traits = std::move(*traits);
    }
    output.home = estate_.home_of(entry.key);
    made_.outputs_.push_back(std::move(output));
  }

  bool create(PluginPart& part, const std::string& path) {
    auto made =
        Component::create(part.code, {part.kind, part.id}, *part.settings, estate_.services());
    if (made) {
      part.instance = std::move(*made);
      return true;
    }
    const plugin::Refusal& refusal = made.error();
    faults_.push_back(fault_at(refusal.place, refusal.key.empty() ? path : path + "." + refusal.key,
                               refusal.what));
    return false;
  }

  void add_route_scripts(const std::vector<routing::Route>& routes) {
    for (RouteScriptCode& script :
         open_route_scripts(made_.settings().at("routes"), routes, faults_)) {
      PluginPart part{Kind::kFilter, script.route, "route", script.code, script.settings, nullptr};
      if (before_ != nullptr) part.instance = same_script(part);
      if (part.instance == nullptr) {
        part.instance = create_route_script(script, estate_.services(), faults_);
      }
      if (part.instance != nullptr) made_.route_scripts_.push_back(std::move(part));
    }
  }

  // Which route it decides does not matter to a script.
  std::shared_ptr<Component> same_script(const PluginPart& part) const {
    const auto same = std::ranges::find(before_->route_scripts_, part.code, &PluginPart::code);
    return same == before_->route_scripts_.end() ? nullptr : same->instance;
  }

  void build_router() {
    std::vector<std::string_view> names;
    for (const Value::Entry& entry : made_.settings().at("outputs").as<Value::Map>()) {
      names.emplace_back(entry.key);
    }
    auto routes = routing::build_routes(made_.settings().at("routes"), names);
    TOCSIN_ASSERT(routes.has_value(), "routes that were checked cannot be built");
    add_route_scripts(*routes);
    made_.router_.emplace(std::move(*routes));
  }

  Snapshot& made_;
  const PluginCatalog& catalog_;
  const Snapshot* before_;
  Estate& estate_;
  config::Diagnostics faults_;
};

Snapshot::Snapshot(std::uint64_t number, config::LoadedConfig config)
    : number_(number), config_(std::move(config)) {}

Snapshot::~Snapshot() = default;

tl::expected<std::shared_ptr<const Snapshot>, config::Diagnostics> Snapshot::make(
    std::uint64_t number, config::LoadedConfig config, const PluginCatalog& catalog,
    const Snapshot* before, Estate& estate) {
  std::shared_ptr<Snapshot> made(new Snapshot(number, std::move(config)));
  if (!made->notifies()) return made;
  config::Diagnostics faults = Maker(*made, catalog, before, estate).run();
  if (!faults.empty()) return tl::unexpected(std::move(faults));
  return made;
}

bool Snapshot::makes_new(const Value& root, const PluginCatalog& catalog, const Snapshot& before) {
  for (const Value::Entry& entry : root.at("inputs").as<Value::Map>()) {
    const PluginPart part = part_of(Kind::kInput, entry.key, entry.value, catalog);
    if (same_part(before.inputs_, part) == nullptr) return true;
  }
  for (const Value& filter : root.at("filters").as<Value::List>()) {
    const PluginPart part = part_of(Kind::kFilter, filter_id(filter), filter, catalog);
    if (same_part(before.filters_, part) == nullptr) return true;
  }
  return std::ranges::any_of(root.at("outputs").as<Value::Map>(), [&](const Value::Entry& entry) {
    const OutputPart* old = before.output(entry.key);
    return old == nullptr ||
           !old->plugin.same_content(part_of(Kind::kOutput, entry.key, entry.value, catalog));
  });
}

const OutputPart* Snapshot::output(std::string_view name) const {
  const auto found =
      std::ranges::find(outputs_, name, [](const OutputPart& output) { return output.plugin.id; });
  return found == outputs_.end() ? nullptr : &*found;
}

std::vector<Component*> Snapshot::instances() const {
  std::vector<Component*> all;
  for (const PluginPart& input : inputs_) all.push_back(input.instance.get());
  for (const PluginPart& filter : filters_) all.push_back(filter.instance.get());
  for (const OutputPart& output : outputs_) all.push_back(output.plugin.instance.get());
  for (const PluginPart& script : route_scripts_) all.push_back(script.instance.get());
  return all;
}

bool Snapshot::uses(const Component& instance) const {
  return std::ranges::count(instances(), &instance) > 0;
}

}  // namespace tocsin::app
