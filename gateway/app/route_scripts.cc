#include "gateway/app/route_scripts.h"

#include <filesystem>
#include <utility>

namespace tocsin::app {

namespace {

std::string path_of(const routing::Route& route) {
  const std::filesystem::path base = route.place.file
                                         ? std::filesystem::path(*route.place.file).parent_path()
                                         : std::filesystem::path();
  return (base / route.script).lexically_normal().string();
}

}  // namespace

std::vector<RouteScriptCode> open_route_scripts(const Value& list,
                                                const std::vector<routing::Route>& routes,
                                                const script::ModuleFolders& modules,
                                                config::Diagnostics& faults) {
  std::vector<RouteScriptCode> scripts;
  const auto& items = list.as<Value::List>();
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const routing::Route& route = routes[i];
    if (route.script.empty()) continue;
    const Place& place = items[i].at("script").place();
    auto opened = script::Script::open_route(path_of(route), modules);
    if (!opened) {
      faults.push_back({place, route.name + ".script", opened.error().what, {}, false});
      continue;
    }
    scripts.push_back({route.name,
                       place,
                       &items[i],
                       {nullptr, std::shared_ptr<const script::Script>(std::move(*opened))}});
  }
  return scripts;
}

std::shared_ptr<Component> create_route_script(const RouteScriptCode& script,
                                               const ComponentServices& services,
                                               config::Diagnostics& faults) {
  const Value none(Value::Map(), script.place);
  auto made = Component::create(script.code, {plugin::Kind::kFilter, script.route}, none, services);
  if (made) return std::move(*made);
  faults.push_back({script.place, script.route + ".script", made.error().what, {}, false});
  return nullptr;
}

}  // namespace tocsin::app
