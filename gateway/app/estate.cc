#include "gateway/app/estate.h"

#include <algorithm>
#include <random>
#include <utility>

#include "gateway/app/keep_crash_map.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/assert.h"
#include "gateway/delivery/suppressions.h"

namespace tocsin::app {

namespace {

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

policy::TableOptions suppression_options() {
  policy::TableOptions options = delivery::Suppressions::table_options();
  options.seed = random_seed();
  return options;
}

delivery::HistoryLimits history_of(const Value& root) {
  const Value& history = root.at("history");
  return {.keep = history.duration("keep"), .size_max = history.bytes("max_size")};
}

}  // namespace

OpenStore::~OpenStore() {
  if (instance == nullptr) return;
  const CallUnderWay::Scope call(calls, "storage", "end of the plugin " + settings.string("type"));
  thread.reset();
  instance.reset();
}

Estate::Estate(const Process& process)
    : process_(process),
      plugin_metrics_(process.metrics),
      script_metrics_(process.metrics),
      client_metrics_(process.metrics),
      overload_(process.metrics),
      services_{.compiled = {.log = process.log,
                             .metrics = plugin_metrics_,
                             .clock = process.clock,
                             .crash_map = &process.crash_map},
                .scripts = {.log = process.log,
                            .metrics = script_metrics_,
                            .clock = process.clock,
                            .presences = &process.crash_map},
                .calls = process.calls},
      paces_(process.instance),
      awaits_lanes_(process.join_store),
      table_(table_options()),
      suppressions_(suppression_options()) {}

Estate::~Estate() = default;

Result<std::shared_ptr<const event::TlsContext>> Estate::client_tls() {
  const std::lock_guard lock(mutex_);
  if (client_tls_ == nullptr) {
    TOCSIN_TRY_SET(context, event::TlsContext::for_client({}));
    client_tls_ = std::move(context);
  }
  return client_tls_;
}

tl::expected<std::shared_ptr<OpenStore>, config::Diagnostics> Estate::open_store(
    const Value& root, const PluginCatalog& catalog) {
  const Value& settings = root.at("storage");
  const std::string& type = settings.string("type");
  auto made = [&] {
    const CallUnderWay::Scope call(services_.calls, "storage", "create of the plugin " + type);
    return plugin::Instance::create(catalog.library(plugin::Kind::kStorage, type).descriptor(),
                                    {plugin::Kind::kStorage, "storage"}, settings,
                                    services_.compiled);
  }();
  if (!made) {
    const plugin::Refusal& refusal = made.error();
    const std::string path = refusal.key.empty() ? "storage" : "storage." + refusal.key;
    return tl::unexpected(config::Diagnostics{fault_at(refusal.place, path, refusal.what)});
  }
  delivery::FrontOptions options{.history = history_of(root),
                                 .fresh_secret = {random_seed(), random_seed()},
                                 .open = {.join = process_.join_store},
                                 .blamed = {}};
  blame_crashes(root, options.blamed);
  auto store = std::make_shared<OpenStore>();
  store->instance = std::move(*made);
  store->settings = settings;
  store->calls = process_.calls;
  store->thread = std::make_unique<StorageThread>(*store->instance, process_.metrics, process_.log,
                                                  process_.storage_shard, options);
  Result<void> opened = store->thread->open();
  // Those of a store that is given up again lapse by themselves.
  if (opened) {
    opened = delivery::Suppressions::load(suppressions_, store->thread->storage(), process_.clock);
  }
  if (opened) opened = paces_.load(store->thread->storage(), process_.clock.wall());
  if (!opened) {
    return tl::unexpected(
        config::Diagnostics{fault_at(settings.place(), "storage", opened.error().text())});
  }
  return store;
}

// What is in memory of the store before is nobody's any more: that one was never served.
void Estate::blame_crashes(const Value& root, std::vector<message::DeliveryId>& blamed) {
  plugin::CrashMap& map = process_.crash_map;
  const Clock& clock = services_.compiled.clock;
  keep_crash_map(root, map, clock.wall(), process_.log);
  for (const plugin::CrashFinding& one : map.found()) {
    blamed.insert(blamed.end(), one.deliveries.begin(), one.deliveries.end());
  }
  const std::lock_guard lock(mutex_);
  suspects_ = map.suspects(clock.wall());
  quarantined_until_ = clock.mono() + plugin::CrashMap::kSuspectWindow;
}

void Estate::take(std::shared_ptr<OpenStore> store) {
  TOCSIN_ASSERT(!has_store(), "a second store was opened");
  store_ = std::move(store);
}

Duration Estate::quarantine_of(std::string_view plugin, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const bool suspect = std::ranges::any_of(suspects_, [&](const plugin::CrashFinding& one) {
    return one.plugin == plugin && one.id == id;
  });
  return suspect ? std::max(Duration::zero(), quarantined_until_ - services_.compiled.clock.mono())
                 : Duration::zero();
}

void Estate::forgive(std::string_view plugin, std::string_view id) {
  process_.crash_map.forgive(plugin, id);
  const std::lock_guard lock(mutex_);
  std::erase_if(suspects_, [&](const plugin::CrashFinding& one) {
    return one.plugin == plugin && one.id == id;
  });
}

void Estate::adopt(const Value& root) {
  if (!has_store()) return;
  delivery::OutboxFront& front = storage().front();
  front.loop().post([&front, limits = history_of(root)] { front.set_history(limits); });
}

std::size_t Estate::home_of(const std::string& output) {
  const auto [place, is_new] = homes_.try_emplace(output, homes_.size() % process_.workers);
  return place->second;
}

}  // namespace tocsin::app
