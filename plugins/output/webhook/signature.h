#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::output_webhook {

/// Signs requests as Standard Webhooks 1.0 has it (https://www.standardwebhooks.com). While secrets
/// are exchanged there are several, and each signs, so that receivers may change when they like.
class Signer {
 public:
  static constexpr std::size_t kKeyBytesMin = 24;
  static constexpr std::size_t kKeyBytesMax = 64;

  /// Takes "whsec_" and base64. Otherwise why not, in a sentence that quotes nothing of it; empty:
  /// taken.
  std::string_view add(std::string_view secret);
  bool signs() const { return !keys_.empty(); }

  /// "v1,SIGNATURE", one for each secret in their order, apart by blanks, over what a receiver
  /// gets: webhook-id, webhook-timestamp (Unix seconds) and the bytes of the body.
  void sign(std::string_view id, std::int64_t seconds, std::string_view body,
            std::string& out) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace tocsin::output_webhook
