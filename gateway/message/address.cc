#include "gateway/message/address.h"

#include <algorithm>

#include "gateway/base/text.h"

namespace tocsin::message {

namespace {

constexpr std::string_view kEmail = "email:";

// Where the domain begins; the end, when there is none.
std::size_t domain_of(std::string_view address) {
  const std::size_t at = address.starts_with(kEmail) ? address.rfind('@') : std::string_view::npos;
  return at == std::string_view::npos ? address.size() : at + 1;
}

}  // namespace

bool is_normal_address(std::string_view address) {
  return std::ranges::none_of(address.substr(domain_of(address)),
                              [](char c) { return to_lower(c) != c; });
}

std::string normal_address(std::string_view address) {
  std::string normal(address);
  const auto domain = normal.begin() + static_cast<std::ptrdiff_t>(domain_of(address));
  std::transform(domain, normal.end(), domain, to_lower);
  return normal;
}

}  // namespace tocsin::message
