#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/admin/role.h"
#include "gateway/http/head.h"

namespace tocsin::admin {

/// A secret an operator gave out, and to whom.
struct Token {
  std::string name;
  std::string secret;
  Role role = Role::kViewer;
};

/// Who asks.
struct Caller {
  std::string name;
  Role role = Role::kNobody;
};

/// Why a request has no caller.
struct Denial {
  int status = 401;
  std::string_view detail;  ///< static
};

/// Tells callers by their bearer token (RFC 6750). Without any token every request is the caller
/// "local" and may do everything: the configuration allows that only on a loopback address. A
/// browser on the same machine is not let in there by pages of other sites: the Host must name a
/// loopback address (else a name was rebound to it), and an Origin must be the admin address
/// itself.
class Guard {
 public:
  static constexpr std::string_view kLocal = "local";

  explicit Guard(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  /// For requests from now on.
  void set_tokens(std::vector<Token> tokens) { tokens_ = std::move(tokens); }
  bool open() const { return tokens_.empty(); }
  /// Takes the same time whichever token is shown, of those as long.
  tl::expected<Caller, Denial> identify(const http::RequestHead& head) const;

 private:
  const Token* find(std::string_view secret) const;

  std::vector<Token> tokens_;
};

}  // namespace tocsin::admin
