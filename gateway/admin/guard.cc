#include "gateway/admin/guard.h"

#include <optional>

#include "gateway/base/address.h"
#include "gateway/base/text.h"

namespace tocsin::admin {

namespace {

// Reads every byte whatever the earlier ones were; volatile keeps the compiler from ending early.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

std::optional<std::string_view> bearer(const http::HeaderMap& headers) {
  if (headers.count("Authorization") != 1) return std::nullopt;
  const std::string_view value = headers.find("Authorization").value_or("");
  constexpr std::string_view kScheme = "Bearer ";
  if (!equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return trim(value.substr(kScheme.size()));
}

// "localhost", "127.0.0.1:9900", "[::1]:9900"
bool names_loopback(std::string_view authority) {
  if (is_loopback(authority)) return true;
  if (authority.starts_with('[') && authority.ends_with(']')) {
    return is_loopback(authority.substr(1, authority.size() - 2));
  }
  const Result<Address> address = parse_address(authority);
  return address && is_loopback(address->host);
}

bool own_origin(const http::RequestHead& head) {
  const auto origin = head.headers.find("Origin");
  if (!origin) return true;
  constexpr std::string_view kScheme = "http://";
  return origin->starts_with(kScheme) &&
         equals_ignoring_case(origin->substr(kScheme.size()), head.authority);
}

}  // namespace

tl::expected<Caller, Denial> Guard::identify(const http::RequestHead& head) const {
  if (open()) {
    if (!names_loopback(head.authority)) {
      return tl::unexpected(Denial{403,
                                   "Without admin.tokens the admin API answers only to a loopback "
                                   "name such as localhost in the Host field."});
    }
    if (!own_origin(head)) {
      return tl::unexpected(
          Denial{403, "Without admin.tokens the admin API does not answer pages of other sites."});
    }
    return Caller{std::string(kLocal), Role::kAdmin};
  }
  const auto secret = bearer(head.headers);
  if (!secret) {
    return tl::unexpected(Denial{401, "This takes a token: Authorization: Bearer TOKEN."});
  }
  const Token* token = find(*secret);
  if (token == nullptr) return tl::unexpected(Denial{401, "No such token."});
  return Caller{token->name, token->role};
}

const Token* Guard::find(std::string_view secret) const {
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    if (same_secret(token.secret, secret)) found = &token;
  }
  return found;
}

}  // namespace tocsin::admin
