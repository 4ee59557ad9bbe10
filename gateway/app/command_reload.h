#pragma once

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// `tocsin reload`: what changed (exit code 0), or why nothing did (1).
CommandOutput reload(const AdminArguments& arguments, AdminDoor& door);

}  // namespace tocsin::app
