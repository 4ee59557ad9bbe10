#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::input_http {

using Digest = std::array<unsigned char, 32>;

/// SHA-256, again and again without an allocation. One thread.
class Hasher {
 public:
  Hasher();
  Digest digest(std::string_view salt, std::string_view text);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

/// Who may send, by bearer token (RFC 6750). Immutable after the set-up.
///
/// Tokens are kept and compared as salted digests: all have one length, and how far a comparison
/// comes says nothing about the token, since nobody knows the salt. The time a caller can measure
/// depends on the length of what he sent himself and on nothing else.
class Callers {
 public:
  Callers();

  void add(std::string_view name, std::string_view token);
  /// True when no token was given, so that everybody is the caller "".
  bool open() const { return callers_.empty(); }

  /// The caller's name for the value of an Authorization field; nothing: it is nobody's token. Of
  /// callers with the same token the last one added.
  std::optional<std::string_view> find(std::string_view authorization, Hasher& hasher) const;

 private:
  struct Caller {
    Digest token;
    std::string name;
  };

  std::string salt_;
  Hasher hasher_;                // for add
  std::vector<Caller> callers_;  // by digest
};

}  // namespace tocsin::input_http
