#include "gateway/app/load_gateway.h"

#include <iterator>

#include "gateway/app/gateway_check.h"
#include "gateway/app/gateway_options.h"
#include "gateway/app/notification_check.h"

namespace tocsin::app {

tl::expected<config::LoadedConfig, config::Rejection> load_gateway(
    const std::string& path, PluginCatalog& catalog, const config::Environment& environment,
    CallUnderWay* calls) {
  auto loaded = config::load(path, gateway_options(), catalog, environment);
  if (!loaded) return loaded;
  config::Diagnostics faults = check_gateway(loaded->root);
  config::Diagnostics more = check_notifications(loaded->root, catalog, calls);
  faults.insert(faults.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  config::sort_by_place(faults);
  if (faults.empty()) return loaded;
  return tl::unexpected(config::Rejection{std::move(faults), std::move(loaded->sources)});
}

}  // namespace tocsin::app
