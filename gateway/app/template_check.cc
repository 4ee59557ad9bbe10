#include "gateway/app/template_check.h"

#include <string>

#include "gateway/config/key_advice.h"
#include "gateway/policy/matcher.h"
#include "gateway/template/helpers.h"

namespace tocsin::app {

namespace {

void check_zone(const Value& settings, const std::string& path, config::Diagnostics& faults) {
  const Value* zone = settings.find("time_zone");
  if (zone == nullptr || templates::is_time_zone(zone->as<std::string>())) return;
  faults.push_back({zone->place(), path + ".time_zone",
                    "this machine's tz database has no zone \"" + zone->as<std::string>() + "\"",
                    "write one such as UTC or Europe/Berlin"});
}

void check_output(const Value::Entry& output, config::Diagnostics& faults) {
  const Value* settings = output.value.find("templates");
  if (settings == nullptr) return;
  const std::string path = config::path_of_key("outputs", output.key) + ".templates";
  check_zone(*settings, path, faults);
  for (const Value::Entry& topic : settings->at("topics").as<Value::Map>()) {
    const std::string at = config::path_of_key(path + ".topics", topic.key);
    if (const auto glob = policy::Glob::compile(topic.key); !glob) {
      faults.push_back({topic.key_place, at, "this is no pattern of topics: " + glob.error().what,
                        "write orders.*, where * is one segment and ** any number of them"});
    }
    for (const Value::Entry& text : topic.value.as<Value::Map>()) {
      if (output.value.find(text.key) != nullptr) continue;
      faults.push_back({text.key_place, at,
                        "the output has no " + text.key + " that this one could stand for",
                        "write " + text.key + ": beside type: for all other topics"});
    }
  }
}

}  // namespace

void check_templates(const Value& root, config::Diagnostics& faults) {
  check_zone(root.at("templates"), "templates", faults);
  for (const Value::Entry& output : root.at("outputs").as<Value::Map>()) {
    check_output(output, faults);
  }
}

}  // namespace tocsin::app
