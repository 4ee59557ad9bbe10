#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::admin {

/// What a caller of the admin address may do; each role may do what those below it may.
enum class Role : std::uint8_t {
  kNobody,    ///< has shown no token: health, readiness and metrics
  kViewer,    ///< reads everything
  kOperator,  ///< sends notifications and looks after dead letters
  kAdmin,     ///< changes the gateway itself
};

/// "nobody", "viewer", "operator", "admin".
std::string_view role_name(Role role);
/// A role that a token may have, by its name.
std::optional<Role> parse_role(std::string_view name);

}  // namespace tocsin::admin
