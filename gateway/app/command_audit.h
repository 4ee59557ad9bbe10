#pragma once

#include <cstdint>
#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// What `tocsin audit` was told.
struct AuditArguments {
  std::string before;  ///< empty: from the newest
  std::uint32_t limit = 50;
};

CommandOutput list_audit(const AuditArguments& arguments, const AdminArguments& admin,
                         AdminDoor& door);

}  // namespace tocsin::app
