#pragma once

#include <string>

namespace tocsin::app {

/// What `tocsin version` prints: version, revision, how it was built and with which libraries. As
/// one JSON object when `json` is set.
std::string version_text(bool json);

}  // namespace tocsin::app
