#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/value.h"
#include "gateway/routing/route.h"

// Settings of routes as config would validate them, without the room config: every line of the list
// is one route, with its defaults filled in.

namespace tocsin::routing {

class RouteValues {
 public:
  struct Written {
    std::vector<std::pair<std::string, Value::Data>> match;
    std::vector<std::string> outputs;
    bool goes_on = false;
    std::string priority = {};
  };

  Value list(const std::vector<Written>& routes) {
    Value::List items;
    for (const Written& route : routes) {
      ++line_;
      Value::Map match;
      bool has_labels = false;
      for (const auto& [key, data] : route.match) {
        match.push_back({key, value(data), place()});
        has_labels = has_labels || key == "labels";
      }
      if (!has_labels) match.push_back({"labels", value(Value::Map()), {}});
      Value::List outputs;
      for (const std::string& name : route.outputs) outputs.push_back(value(name));
      Value::Map settings;
      settings.push_back({"match", value(std::move(match)), place()});
      settings.push_back({"outputs", value(std::move(outputs)), place()});
      settings.push_back({"continue", value(route.goes_on), place()});
      if (!route.priority.empty()) {
        settings.push_back({"priority", value(route.priority), place()});
      }
      items.push_back(value(std::move(settings)));
    }
    return value(std::move(items));
  }

  /// A list that stands on `line`.
  Value::Data texts(std::initializer_list<std::string> texts, std::uint32_t line = 1) {
    Value::List list;
    for (const std::string& text : texts) list.push_back(Value(text, Place{file_, line, 9}));
    return list;
  }

  Value::Data labels(std::initializer_list<std::pair<std::string, std::string>> labels) {
    Value::Map map;
    for (const auto& [name, pattern] : labels) map.push_back({name, value(pattern), place()});
    return map;
  }

 private:
  Place place() const { return {file_, line_, 5}; }
  Value value(Value::Data data) const { return Value(std::move(data), place()); }

  std::shared_ptr<const std::string> file_ = std::make_shared<const std::string>("t.yaml");
  std::uint32_t line_ = 0;
};

}  // namespace tocsin::routing
