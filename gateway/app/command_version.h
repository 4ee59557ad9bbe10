#pragma once

#include <string>
#include <string_view>

namespace tocsin::app {

/// "0.1.0"
std::string_view version();

/// What `tocsin version` prints: version, revision, how it was built and with which libraries. As
/// one JSON object when `json` is set.
std::string version_text(bool json);

}  // namespace tocsin::app
