#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.hpp"

namespace tocsin::output_webhook {

/// What an instance was configured to. Immutable.
struct Settings {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  sdk::Transport transport;

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);
};

/// Why no request can go to this URL, in a sentence; empty: one can.
std::string_view url_fault(std::string_view url);

/// Why a request cannot carry this field; empty: it can. Quotes the name, never the value.
std::string header_fault(std::string_view name, std::string_view value);

}  // namespace tocsin::output_webhook
