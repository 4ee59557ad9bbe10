#include "callers.h"

namespace tocsin::input_http {

namespace {

// Looks at every byte whatever it finds.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0;
}

bool is_bearer(std::string_view scheme) {
  constexpr std::string_view kBearer = "bearer";
  if (scheme.size() != kBearer.size()) return false;
  for (std::size_t i = 0; i < kBearer.size(); ++i) {
    if ((scheme[i] | 0x20) != kBearer[i]) return false;
  }
  return true;
}

}  // namespace

void Callers::add(std::string_view name, std::string_view token) {
  callers_.push_back({std::string(name), std::string(token)});
}

std::optional<std::string_view> Callers::find(std::string_view authorization) const {
  if (open()) return std::string_view();
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos || !is_bearer(authorization.substr(0, space))) return {};
  std::string_view token = authorization.substr(space + 1);
  while (token.starts_with(' ')) token.remove_prefix(1);
  const Caller* found = nullptr;
  for (const Caller& caller : callers_) {
    if (equal_in_constant_time(token, caller.token)) found = &caller;
  }
  if (found == nullptr) return {};
  return std::string_view(found->name);
}

}  // namespace tocsin::input_http
