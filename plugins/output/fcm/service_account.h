#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tocsin::output_fcm {

/// Who sends: the file that the Firebase console makes for a service account. Immutable once read.
class ServiceAccount {
 public:
  static constexpr std::size_t kFileBytesMax = 65536;
  /// For how long an assertion is good; Google takes an hour at most.
  static constexpr std::int64_t kAssertionSeconds = 3600;

  /// `given` is the file's path, or its text. Otherwise why not, in a sentence that quotes nothing
  /// of the file but names of its fields; empty: read.
  std::string read(std::string_view given);

  /// A JWT (RFC 7523) that is exchanged for an access token, of `seconds` since 1970. Empty: the
  /// key signs nothing.
  std::string assertion(std::int64_t seconds) const;

  const std::string& project() const { return project_; }
  const std::string& email() const { return email_; }
  const std::string& token_uri() const { return token_uri_; }

 private:
  struct FreeKey {
    void operator()(EVP_PKEY* key) const;
  };

  std::string parse(std::string_view text);
  std::string parse_key(std::string_view pem);

  std::string project_;
  std::string email_;
  std::string token_uri_;
  std::string key_id_;
  std::unique_ptr<EVP_PKEY, FreeKey> key_;
};

}  // namespace tocsin::output_fcm
