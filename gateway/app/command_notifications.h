#pragma once

#include <cstdint>
#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// What `tocsin notifications` was told: one of the two texts.
struct SearchArguments {
  std::string key;
  std::string external_id;
  std::string before;  ///< empty: from the newest
  std::uint32_t limit = 50;
};

CommandOutput find_notifications(const SearchArguments& arguments, const AdminArguments& admin,
                                 AdminDoor& door);

}  // namespace tocsin::app
