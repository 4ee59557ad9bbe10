#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::input_http {

/// 128 bits of a token under a key that only this process knows.
using Tag = std::array<unsigned char, 16>;

/// SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed function made for short inputs, again and
/// again without an allocation. One thread.
class Tagger {
 public:
  Tagger();
  Tag tag(const Tag& key, std::string_view text);

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

/// Who may send, by bearer token (RFC 6750). Immutable after the set-up.
///
/// Tokens are kept and compared as tags. All have one length, and how far a comparison comes tells
/// nothing about a token, since nobody knows the key. What a caller can measure is the length of
/// what he sent himself.
class Callers {
 public:
  Callers();

  /// Empty, or the name of the caller who has this token already and keeps it.
  std::string_view add(std::string_view name, std::string_view token);
  /// True when no token was given, so that everybody is the caller "".
  bool open() const { return names_.empty(); }

  /// The caller's name for the value of an Authorization field; nothing: it is nobody's token.
  std::optional<std::string_view> find(std::string_view authorization, Tagger& tagger) const;

 private:
  Tag key_{};
  Tagger tagger_;  // for add
  std::map<Tag, std::string> names_;
};

}  // namespace tocsin::input_http
