#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/result.h"

namespace tocsin::http {

/// Where a request goes, taken from an absolute http or https URL (RFC 3986, RFC 9110 4.2).
struct Url {
  std::string scheme;      ///< "http" or "https"
  std::string host;        ///< lower-case name, or an address without brackets
  std::uint16_t port = 0;  ///< the scheme's when none was given
  std::string
      authority;       ///< what the Host field says: host, and the port when it is not the scheme's
  std::string target;  ///< path and query as written, at least "/"

  bool operator==(const Url&) const = default;
};

/// Strict: user names and passwords, fragments, empty ports, broken percent-encodings, and bytes
/// that must be encoded are refused, each with its own sentence. Errors are Code::kInvalid and
/// never repeat the text, which may hold a secret.
Result<Url> parse_url(std::string_view text);

/// Whether a URL's host may be of that name, in whatever letters: labels of ASCII letters, digits,
/// hyphens and underscores, with dots between them.
bool is_host_name(std::string_view text);

}  // namespace tocsin::http
