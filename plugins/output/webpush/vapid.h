#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "p256.h"

namespace tocsin::output_webpush {

/// Whose messages these are (RFC 8292): the key that browsers subscribed with, and how its owner is
/// reached. Immutable once read.
class Vapid {
 public:
  /// `key` is the private number in base64url, as most generators print it, or PEM; `subject` is
  /// mailto: or https:. Otherwise why not, in a sentence that quotes neither, and in `option` whose
  /// it is; empty: read.
  std::string read(std::string_view key, std::string_view subject, std::string& option);

  /// The value of Authorization for a push service, good until `expires`, seconds since 1970.
  /// Empty: the key signs nothing.
  std::string authorization(std::string_view origin, std::int64_t expires) const;
  /// What a page subscribes with (applicationServerKey), in base64url.
  const std::string& public_key() const { return public_key_; }

 private:
  Key key_;
  std::string public_key_;
  std::string subject_;
};

/// The authorisations of one instance by origin, each signed anew when half of its time is over.
/// Origins come from data, so that no more than kOriginsMax are kept.
class VapidTokens {
 public:
  static constexpr std::size_t kOriginsMax = 256;
  static constexpr std::int64_t kSeconds = 12 * 3600;  ///< services take 24 hours at most

  /// Valid until the next call. Empty: it cannot be signed.
  const std::string& get(const Vapid& vapid, const std::string& origin, std::int64_t now);
  void clear() { tokens_.clear(); }

 private:
  struct Token {
    std::string authorization;
    std::int64_t renew_at = 0;
  };

  std::map<std::string, Token> tokens_;
};

}  // namespace tocsin::output_webpush
