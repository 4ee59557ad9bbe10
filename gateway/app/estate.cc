#include "gateway/app/estate.h"

#include <random>
#include <utility>

#include "gateway/app/snapshot.h"

namespace tocsin::app {

namespace {

policy::TableOptions table_options() {
  std::random_device random;
  const auto word = [&] { return (std::uint64_t{random()} << 32U) | random(); };
  policy::TableOptions options;
  options.seed = {word(), word()};
  return options;
}

}  // namespace

Estate::Estate(const Process& process)
    : process_(process),
      plugin_metrics_(process.metrics),
      script_metrics_(process.metrics),
      services_{{process.log, plugin_metrics_}, {process.log, script_metrics_}},
      table_(table_options()) {}

Estate::~Estate() = default;

config::Diagnostics Estate::open(const Value& root, const PluginCatalog& catalog) {
  const Value* settings = root.find("storage");
  if (settings == nullptr) return {};
  const plugin::Library& library =
      catalog.library(plugin::Kind::kStorage, settings->string("type"));
  auto made = plugin::Instance::create(library.descriptor(), {plugin::Kind::kStorage, "storage"},
                                       *settings, services_.compiled);
  if (!made) {
    const plugin::Refusal& refusal = made.error();
    return {fault_at(refusal.place, refusal.key.empty() ? "storage" : "storage." + refusal.key,
                     refusal.what)};
  }
  storage_instance_ = std::move(*made);
  const delivery::FrontOptions options{.history_keep = root.at("history").duration("keep")};
  storage_ = std::make_unique<StorageThread>(*storage_instance_, process_.metrics, process_.log,
                                             process_.storage_shard, options);
  const Result<void> opened = storage_->open();
  if (opened) return {};
  storage_.reset();
  return {fault_at(settings->place(), "storage", opened.error().text())};
}

std::size_t Estate::home_of(const std::string& output) {
  const auto [place, is_new] = homes_.try_emplace(output, homes_.size() % process_.workers);
  return place->second;
}

}  // namespace tocsin::app
