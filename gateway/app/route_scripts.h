#pragma once

#include <string>
#include <vector>

#include "gateway/app/component.h"
#include "gateway/config/diagnostic.h"
#include "gateway/routing/route.h"

namespace tocsin::app {

/// The script that decides a route.
struct RouteScriptCode {
  std::string route;  ///< "routes[3]"
  Place place;
  const Value* settings = nullptr;  ///< the route's
  PluginCode code;
};

/// Reads the scripts of the routes, in their order; relative paths start at the folder of the file
/// that names them. What cannot be used is a fault at its route and left out. `list` is what the
/// routes were built from; what scripts require is looked for in `modules`.
std::vector<RouteScriptCode> open_route_scripts(const Value& list,
                                                const std::vector<routing::Route>& routes,
                                                const script::ModuleFolders& modules,
                                                config::Diagnostics& faults);

/// An instance of one. A fault names its route.
std::shared_ptr<Component> create_route_script(const RouteScriptCode& script,
                                               const ComponentServices& services,
                                               config::Diagnostics& faults);

}  // namespace tocsin::app
