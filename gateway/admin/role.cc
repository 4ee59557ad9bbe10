#include "gateway/admin/role.h"

#include <array>

namespace tocsin::admin {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"nobody", "viewer", "operator", "admin"};

}  // namespace

std::string_view role_name(Role role) { return kNames[static_cast<std::size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace tocsin::admin
