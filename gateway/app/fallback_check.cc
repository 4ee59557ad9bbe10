#include "gateway/app/fallback_check.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/text.h"
#include "gateway/config/key_advice.h"

namespace tocsin::app {

namespace {

const Value* fallback_of(const Value& outputs, std::string_view name) {
  const Value* output = outputs.find(name);
  return output == nullptr ? nullptr : output->at("delivery").find("fallback");
}

std::string path_of(std::string_view output) {
  return config::path_of_key("outputs", output) + ".delivery.fallback";
}

config::Diagnostic unknown(const Value& outputs, std::string_view output, const Value& fallback) {
  const std::string& name = fallback.as<std::string>();
  std::vector<std::string_view> names;
  for (const Value::Entry& entry : outputs.as<Value::Map>()) {
    if (entry.key != output) names.emplace_back(entry.key);
  }
  const auto meant = closest(name, names);
  return {fallback.place(), path_of(output), "there is no output \"" + name + "\"",
          meant ? "did you mean \"" + std::string(*meant) + "\"?" : "name one of outputs:", false};
}

// The outputs of a circle that begins and ends at `first`; empty: the chain ends, or the circle
// does not lead through it.
std::vector<std::string_view> circle_from(const Value& outputs, std::string_view first) {
  std::vector<std::string_view> chain = {first};
  while (const Value* next = fallback_of(outputs, chain.back())) {
    const std::string& name = next->as<std::string>();
    if (name == first) return chain;
    if (std::ranges::find(chain, name) != chain.end()) break;
    chain.emplace_back(name);
  }
  return {};
}

}  // namespace

void check_fallbacks(const Value& outputs, config::Diagnostics& faults) {
  std::vector<std::string_view> told;
  for (const Value::Entry& entry : outputs.as<Value::Map>()) {
    const Value* fallback = fallback_of(outputs, entry.key);
    if (fallback == nullptr) continue;
    if (outputs.find(fallback->as<std::string>()) == nullptr) {
      faults.push_back(unknown(outputs, entry.key, *fallback));
      continue;
    }
    const std::vector<std::string_view> circle = circle_from(outputs, entry.key);
    if (circle.empty() || std::ranges::find(told, entry.key) != told.end()) continue;
    told.insert(told.end(), circle.begin(), circle.end());
    std::string chain;
    for (const std::string_view output : circle) chain.append(output).append(" -> ");
    chain.append(entry.key);
    faults.push_back({fallback->place(), path_of(entry.key), "fallbacks lead in a circle: " + chain,
                      "take the fallback from one of them, so that the chain ends", false});
  }
}

}  // namespace tocsin::app
