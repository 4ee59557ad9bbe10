#include "gateway/app/load_gateway.h"

#include "gateway/app/gateway_check.h"
#include "gateway/app/gateway_options.h"

namespace tocsin::app {

tl::expected<config::LoadedConfig, config::Rejection> load_gateway(
    const std::string& path, const config::Environment& environment) {
  auto loaded = config::load(path, gateway_options(), built_in_components(), environment);
  if (!loaded) return loaded;
  config::Diagnostics faults = check_gateway(loaded->root);
  if (faults.empty()) return loaded;
  return tl::unexpected(config::Rejection{std::move(faults), std::move(loaded->sources)});
}

}  // namespace tocsin::app
