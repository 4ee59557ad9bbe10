#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace tocsin::output_smtp {

/// Signs mails (RFC 6376, relaxed/relaxed, SHA-256): with an RSA key as rsa-sha256, with an Ed25519
/// key as ed25519-sha256 (RFC 8463). Immutable once it is set up; one thread at a time signs.
class DkimSigner {
 public:
  static constexpr int kRsaBitsMin = 1024;  // RFC 8301
  static constexpr std::size_t kKeyFileBytesMax = 64 * 1024;

  /// Reads the private key (PEM, without a password). False: `why` says what is wrong and `key`
  /// which of domain, selector and key_file.
  bool set_up(std::string_view domain, std::string_view selector, const std::string& key_file,
              std::string& why, std::string_view& key);
  bool signs() const { return key_ != nullptr; }

  /// The field DKIM-Signature with its CRLF, to be put in front of `message`, whose lines end in
  /// CRLF. Empty: OpenSSL failed.
  std::string sign(std::string_view message, std::int64_t seconds) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };

  std::string domain_;
  std::string selector_;
  std::string_view algorithm_;
  std::unique_ptr<evp_pkey_st, Free> key_;
};

/// RFC 6376 3.4.2: `name:value` of a field with its CRLF. Pure, for tests.
std::string relaxed_field(std::string_view field);
/// RFC 6376 3.4.4.
std::string relaxed_body(std::string_view body);

}  // namespace tocsin::output_smtp
