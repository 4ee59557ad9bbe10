#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/message/notification.h"
#include "gateway/stage/filter.h"

namespace tocsin::conformance {

/// A notification as a case writes it.
struct Heard {
  std::string topic = "orders";
  message::Level level = message::Level::kInfo;
  std::string identity = {};
  std::vector<std::pair<std::string, std::string>> labels = {};
};

/// One thing that happens to a filter.
struct Step {
  enum class Kind { kHear, kOutcome, kWait, kReconfigure };

  Kind kind;
  Heard heard = {};
  stage::FilterStatus expected = stage::FilterStatus::kPass;
  bool committed = false;
  Duration wait = {};
  const char* settings = nullptr;
};

inline Step passes(Heard heard) { return {.kind = Step::Kind::kHear, .heard = std::move(heard)}; }
inline Step drops(Heard heard) {
  return {
      .kind = Step::Kind::kHear, .heard = std::move(heard), .expected = stage::FilterStatus::kDrop};
}
/// The fate of what passed last, for a filter that asked to hear of it.
inline Step outcome(bool committed) {
  return {.kind = Step::Kind::kOutcome, .committed = committed};
}
inline Step after(Duration wait) { return {.kind = Step::Kind::kWait, .wait = wait}; }

/// Other values of reloadable options.
inline Step now(const char* settings) {
  return {.kind = Step::Kind::kReconfigure, .settings = settings};
}

/// What a sample must do, in whatever it is written.
struct FilterCase {
  const char* name;      ///< in CamelCase
  const char* sample;    ///< the plugin's name
  const char* settings;  ///< YAML, as below `type:`
  std::vector<Step> steps;
};

std::vector<FilterCase> filter_cases();

}  // namespace tocsin::conformance
