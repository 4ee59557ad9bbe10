#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// What `tocsin dlq list` was told.
struct ListArguments {
  std::string output;  ///< empty: of every output
  std::string before;  ///< empty: from the newest
  std::uint32_t limit = 50;
};

/// What `tocsin dlq redrive`, `approve` and `discard` were told: dead letters by id, or all of an
/// output.
struct ReviewArguments {
  std::string_view verb;  ///< "redrive", "approve" or "discard"
  std::vector<std::string> ids;
  std::string output;
  bool all = false;
  bool approved = false;  ///< only approved ones
};

CommandOutput list_dead_letters(const ListArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door);
CommandOutput show_dead_letter(const std::string& id, const AdminArguments& admin, AdminDoor& door);
/// Goes on over ids that are none; exit code 1 when there was one.
CommandOutput review_dead_letters(const ReviewArguments& arguments, const AdminArguments& admin,
                                  AdminDoor& door);

}  // namespace tocsin::app
