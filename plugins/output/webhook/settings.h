#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "classify.h"
#include "signature.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_webhook {

/// What an instance was configured to. Immutable.
struct Settings {
  std::string url;  ///< a template where it holds "{{", though never its host
  bool url_is_template = false;
  std::string method;
  std::string content_type;
  std::string body;     ///< a template; empty: the notification as it came, with its ids
  std::string account;  ///< whose gate the receiver's throttling closes; empty: this output's own
  bool idempotent = true;  ///< the receiver drops repeats of a delivery
  Classifier classifier;
  Signer signer;
  std::vector<std::pair<std::string, std::string>> headers;
  sdk::Transport transport;

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);

 private:
  bool load_url(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_whole_url(const sdk::Setup& setup, sdk::Fault& fault);
};

/// Why no request can go to this URL, in a sentence; empty: one can.
std::string_view url_fault(std::string_view url);
/// The same of a URL that a template made, whose values must not lead out of its path.
std::string_view filled_url_fault(std::string_view url);

/// Why a request cannot carry this field; empty: it can. Quotes the name, never the value.
std::string header_fault(std::string_view name, std::string_view value);

}  // namespace tocsin::output_webhook
