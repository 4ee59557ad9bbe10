#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::input_http {

/// Who may send, by bearer token (RFC 6750). Immutable after the set-up.
class Callers {
 public:
  void add(std::string_view name, std::string_view token);
  /// True when no token was given, so that everybody is the caller "".
  bool open() const { return callers_.empty(); }

  /// The caller's name for the value of an Authorization field; nothing: it is nobody's token.
  /// Takes as long for a wrong token as for a right one of its length.
  std::optional<std::string_view> find(std::string_view authorization) const;

 private:
  struct Caller {
    std::string name;
    std::string token;
  };
  std::vector<Caller> callers_;
};

}  // namespace tocsin::input_http
