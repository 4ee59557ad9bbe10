#include "gateway/app/notifications.h"

#include <random>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/config/key_advice.h"
#include "gateway/plugin/output_adapter.h"

namespace tocsin::app {

namespace {

using plugin::Kind;

policy::HashSeed random_seed() {
  std::random_device random;
  const auto word = [&] { return (std::uint64_t{random()} << 32U) | random(); };
  return {word(), word()};
}

policy::TableOptions table_options() {
  policy::TableOptions options;
  options.seed = random_seed();
  return options;
}

}  // namespace

Notifications::Notifications(const Value& settings, const PluginCatalog& catalog,
                             const Process& process)
    : settings_(settings),
      catalog_(catalog),
      process_(process),
      plugin_metrics_(process.metrics),
      services_{process.log, plugin_metrics_},
      table_(table_options()) {}

Notifications::~Notifications() = default;

config::Diagnostics Notifications::open() {
  if (!configured()) return {};
  for (const Value::Entry& entry : settings_.at("inputs").as<Value::Map>()) {
    inputs_.push_back(
        create(Kind::kInput, entry.key, entry.value, config::path_of_key("inputs", entry.key)));
  }
  const auto& filters = settings_.at("filters").as<Value::List>();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    const Value* id = filters[i].find("id");
    filters_.push_back(create(Kind::kFilter,
                              id == nullptr ? filters[i].string("type") : id->as<std::string>(),
                              filters[i], config::path_of_item("filters", i)));
  }
  create_outputs();
  build_router();
  if (faults_.empty()) open_storage();
  return std::move(faults_);
}

// Null when the plugin refused; the fault says why.
plugin::InstancePtr Notifications::create(Kind kind, const std::string& id, const Value& settings,
                                          const std::string& path) {
  const plugin::Library& library = catalog_.library(kind, settings.string("type"));
  auto made = plugin::Instance::create(library.descriptor(), {kind, id}, settings, services_);
  if (made) return std::move(*made);
  const plugin::Refusal& refusal = made.error();
  faults_.push_back({refusal.place,
                     refusal.key.empty() ? path : path + "." + refusal.key,
                     refusal.what,
                     {},
                     false});
  return nullptr;
}

// Lanes are spread over the workers in the order their outputs are written.
void Notifications::create_outputs() {
  for (const Value::Entry& entry : settings_.at("outputs").as<Value::Map>()) {
    const std::string path = config::path_of_key("outputs", entry.key);
    plugin::InstancePtr instance = create(Kind::kOutput, entry.key, entry.value, path);
    if (instance == nullptr) continue;
    auto traits = plugin::output_traits(*instance);
    auto policy = delivery::LanePolicy::make(entry.value.at("delivery"));
    TOCSIN_ASSERT(policy.has_value(), "a policy that was checked cannot be made");
    if (!traits) {
      faults_.push_back({entry.key_place, path, traits.error().text(), {}, false});
      continue;
    }
    outputs_.push_back({entry.key, entry.value.string("type"), std::move(instance),
                        std::move(*traits), std::move(*policy),
                        outputs_.size() % process_.workers});
  }
}

void Notifications::build_router() {
  std::vector<std::string_view> names;
  for (const Value::Entry& entry : settings_.at("outputs").as<Value::Map>()) {
    names.emplace_back(entry.key);
  }
  auto routes = routing::build_routes(settings_.at("routes"), names);
  TOCSIN_ASSERT(routes.has_value(), "routes that were checked cannot be built");
  router_.emplace(std::move(*routes));
}

void Notifications::open_storage() {
  const Value& settings = settings_.at("storage");
  storage_instance_ = create(Kind::kStorage, "storage", settings, "storage");
  if (storage_instance_ == nullptr) return;
  const Value& history = settings_.at("history");
  const delivery::FrontOptions options{
      .history_keep = history.duration("keep"),
      .history_size_max = static_cast<std::uint64_t>(history.integer("max_size")),
      .fresh_secret = {random_seed(), random_seed()}};
  storage_ = std::make_unique<StorageThread>(*storage_instance_, process_.metrics, process_.log,
                                             process_.storage_shard, options);
  if (const Result<void> opened = storage_->open(); !opened) {
    faults_.push_back({settings.place(), "storage", opened.error().text(), {}, false});
  }
}

}  // namespace tocsin::app
