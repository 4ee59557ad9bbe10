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

plugin::Change PluginPart::change_since(const PluginPart& was) const {
  if (code.compiled != nullptr && was.code.compiled != nullptr) {
    const auto change =
        plugin::change_of(*was.code.compiled, *was.settings, *code.compiled, *settings, *options);
    if (change != plugin::Change::kSame || was.instance == nullptr) return change;
    // The same settings may name files that are others by now, and include other texts.
    const plugin::Instance& made = *was.instance->compiled();
    const bool other_templates = !same_templates(was) && !made.template_uses().empty();
    if (!made.files_changed() && !other_templates) return change;
    return was.instance->can_reconfigure() ? plugin::Change::kReloadable : plugin::Change::kNew;
  }
  // Which templates a script has, only its own course tells.
  if (!(code == was.code) || !same_templates(was)) return plugin::Change::kNew;
  const auto change = plugin::change_of(*was.settings, *settings, code.script->options());
  const bool is_told = change != plugin::Change::kReloadable || was.instance->can_reconfigure();
  return is_told ? change : plugin::Change::kNew;
}

bool PluginPart::same_templates(const PluginPart& was) const {
  const bool common =
      templates == was.templates ||
      (templates != nullptr && was.templates != nullptr && *templates == *was.templates);
  const auto same = [&](std::string_view key) {
    const Value* own = settings->find(key);
    const Value* old = was.settings->find(key);
    return own == nullptr || old == nullptr ? own == old : same_content(*own, *old);
  };
  return common && same("templates") && same("values");
}

namespace {

PluginPart part_of(Kind kind, const std::string& id, const Value& settings,
                   const PluginCatalog& catalog) {
  const std::string& type = settings.string("type");
  const PluginCode code = catalog.code(kind, type);
  // Not the catalog's own table, where an output has the gateway's key as well.
  const OptionTable* options =
      code.compiled == nullptr ? nullptr : &catalog.library(kind, type).options();
  return {kind, id, type, code, options, &settings, nullptr, catalog.templates()};
}

const std::string& filter_id(const Value& filter) {
  const Value* id = filter.find("id");
  return id == nullptr ? filter.string("type") : id->as<std::string>();
}

const PluginPart* part_named(const std::vector<PluginPart>& parts, std::string_view id) {
  const auto found = std::ranges::find(parts, id, &PluginPart::id);
  return found == parts.end() ? nullptr : &*found;
}

bool is_same(const PluginPart* old, const PluginPart& part) {
  return old != nullptr && part.change_since(*old) == plugin::Change::kSame;
}

}  // namespace

/// Fills a snapshot.
class Snapshot::Maker {
 public:
  Maker(Snapshot& made, const PluginCatalog& catalog, const Snapshot* before, Estate& estate)
      : made_(made), catalog_(catalog), before_(before), estate_(estate), lent_(estate.services()) {
    lent_.compiled.templates = lent_.scripts.templates = catalog.templates();
  }

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
    for (OutputPart& output : made_.outputs_) tell_fallback(output.policy.fallback);
    build_router();
    return std::move(faults_);
  }

 private:
  void add(std::vector<PluginPart>& list, const std::vector<PluginPart>* before, PluginPart part,
           const std::string& path) {
    const PluginPart* old = before == nullptr ? nullptr : part_named(*before, part.id);
    if (!keep(old, part, path) && !create(part, path)) return;
    list.push_back(std::move(part));
  }

  void add_output(const Value::Entry& entry) {
    const std::string path = config::path_of_key("outputs", entry.key);
    auto policy = delivery::LanePolicy::make(entry.value.at("delivery"));
    TOCSIN_ASSERT(policy.has_value(), "a policy that was checked cannot be made");
    policy->dead_letters = made_.dead_letters();
    OutputPart output{
        part_of(Kind::kOutput, entry.key, entry.value, catalog_), {}, std::move(*policy), 0};
    const OutputPart* old = before_ == nullptr ? nullptr : before_->output(entry.key);
    if (keep(old == nullptr ? nullptr : &old->plugin, output.plugin, path)) {
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

  // What fallbacks take is known once every output was made. That no chain is a circle was checked.
  void tell_fallback(delivery::LaneFallback& fallback) const {
    const OutputPart* output = made_.output(fallback.output);
    if (output == nullptr) return;
    fallback.address_kind = output->traits.address_kind;
    fallback.has_own_address = output->traits.has_own_address;
    if (output->policy.fallback.output.empty()) return;
    auto next = std::make_shared<delivery::LaneFallback>();
    next->output = output->policy.fallback.output;
    tell_fallback(*next);
    fallback.next = std::move(next);
  }

  // Shares the instance of `old`, if it may be kept or can take what is new.
  bool keep(const PluginPart* old, PluginPart& part, const std::string& path) {
    if (old == nullptr) return false;
    const plugin::Change change = part.change_since(*old);
    if (change == plugin::Change::kNew) return false;
    part.instance = old->instance;
    if (change == plugin::Change::kSame) return true;
    const auto prepared = part.instance->reconfigure(*part.settings, part.templates);
    if (!prepared) {
      add_fault(prepared.error(), path);
    } else {
      made_.reconfigured_.push_back(part.instance.get());
    }
    return true;
  }

  bool create(PluginPart& part, const std::string& path) {
    auto made = Component::create(part.code, {part.kind, part.id}, *part.settings, lent_);
    if (made) {
      part.instance = std::move(*made);
      return true;
    }
    add_fault(made.error(), path);
    return false;
  }

  void add_fault(const plugin::Refusal& refusal, const std::string& path) {
    faults_.push_back(fault_at(refusal.place, refusal.key.empty() ? path : path + "." + refusal.key,
                               refusal.what));
  }

  void add_route_scripts(const std::vector<routing::Route>& routes) {
    for (RouteScriptCode& script : open_route_scripts(
             made_.settings().at("routes"), routes, catalog_.scripts().module_folders(), faults_)) {
      PluginPart part{Kind::kFilter, script.route,    "route", script.code,
                      nullptr,       script.settings, nullptr, catalog_.templates()};
      if (before_ != nullptr) part.instance = same_script(part);
      if (part.instance == nullptr) {
        part.instance = create_route_script(script, lent_, faults_);
      }
      if (part.instance != nullptr) made_.route_scripts_.push_back(std::move(part));
    }
  }

  // Which route it decides does not matter to a script.
  std::shared_ptr<Component> same_script(const PluginPart& part) const {
    const auto same = std::ranges::find_if(before_->route_scripts_, [&](const PluginPart& was) {
      return part.code == was.code && part.same_templates(was);
    });
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
  ComponentServices lent_;
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
    if (!is_same(part_named(before.inputs_, part.id), part)) return true;
  }
  for (const Value& filter : root.at("filters").as<Value::List>()) {
    const PluginPart part = part_of(Kind::kFilter, filter_id(filter), filter, catalog);
    if (!is_same(part_named(before.filters_, part.id), part)) return true;
  }
  return std::ranges::any_of(root.at("outputs").as<Value::Map>(), [&](const Value::Entry& entry) {
    const OutputPart* old = before.output(entry.key);
    return !is_same(old == nullptr ? nullptr : &old->plugin,
                    part_of(Kind::kOutput, entry.key, entry.value, catalog));
  });
}

delivery::DeadLetterPolicy Snapshot::dead_letters() const {
  const Value& said = settings().at("dead_letters");
  delivery::DeadLetterPolicy policy;
  if (const Value* waits = said.find("redrive")) {
    for (const Value& wait : waits->as<Value::List>()) {
      policy.redrive.push_back(wait.as<Duration>());
    }
  } else {
    policy.redrive = {std::chrono::minutes(1), std::chrono::minutes(10), std::chrono::hours(1)};
  }
  if (const Value* mirror = said.find("mirror")) policy.mirror = mirror->as<std::string>();
  policy.notify = said.at("notify").as<bool>();
  policy.on_recovery = said.at("redrive_on_recovery").as<bool>();
  return policy;
}

const PluginPart* Snapshot::handler(std::string_view name) const {
  const auto input = std::ranges::find(inputs_, name, &PluginPart::id);
  if (input != inputs_.end()) return &*input;
  const OutputPart* named = output(name);
  return named == nullptr ? nullptr : &named->plugin;
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

std::shared_ptr<Component> Snapshot::instance(Kind kind, std::string_view id) const {
  const PluginPart* part = nullptr;
  if (kind == Kind::kInput) part = part_named(inputs_, id);
  if (kind == Kind::kFilter) part = part_named(filters_, id);
  if (kind == Kind::kFilter && part == nullptr) part = part_named(route_scripts_, id);
  const OutputPart* named = kind == Kind::kOutput ? output(id) : nullptr;
  if (named != nullptr) part = &named->plugin;
  return part == nullptr ? nullptr : part->instance;
}

bool Snapshot::uses(const Component& instance) const {
  return std::ranges::count(instances(), &instance) > 0;
}

}  // namespace tocsin::app
