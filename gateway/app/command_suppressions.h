#pragma once

#include <cstdint>
#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// What `tocsin suppressions` was told.
struct SuppressionArguments {
  std::string prefix;  ///< list: "email:" are all of that kind
  std::string after;   ///< list: empty: from the first
  std::uint32_t limit = 100;
  std::string address;
  std::string reason;  ///< add; empty: the gateway's own words
  std::string ttl;     ///< add; empty: until it is removed
};

CommandOutput list_suppressions(const SuppressionArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door);
CommandOutput add_suppression(const SuppressionArguments& arguments, const AdminArguments& admin,
                              AdminDoor& door);
CommandOutput remove_suppression(const SuppressionArguments& arguments, const AdminArguments& admin,
                                 AdminDoor& door);

}  // namespace tocsin::app
