#pragma once

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// `tocsin outputs`: each output's lane and backlog.
CommandOutput list_outputs(const AdminArguments& arguments, AdminDoor& door);

}  // namespace tocsin::app
