#pragma once

#include <memory>
#include <string>

#include "gateway/template/template.h"

namespace tocsin::templates {

/// What a configuration says of all its templates. Immutable once made, so that any thread may read
/// it.
struct Settings {
  Parts parts;
  Missing missing = Missing::kEmpty;
  std::string zone = "UTC";  ///< is_time_zone()

  bool operator==(const Settings&) const = default;
};

using SettingsPtr = std::shared_ptr<const Settings>;

/// "empty" or "error"; anything else is kEmpty.
inline Missing parse_missing(std::string_view word) {
  return word == "error" ? Missing::kError : Missing::kEmpty;
}

/// The rules of a template that follows `settings`; they live as long as those do. Null: there are
/// no parts, and everything else is as it is without a word.
inline Rules rules_of(const Settings* settings, Escape escape) {
  Rules rules;
  rules.escape = escape;
  if (settings == nullptr) return rules;
  rules.missing = settings->missing;
  rules.zone = settings->zone;
  rules.parts = &settings->parts;
  return rules;
}

}  // namespace tocsin::templates
