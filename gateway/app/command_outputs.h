#pragma once

#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// `tocsin outputs`: each output's lane and backlog.
CommandOutput list_outputs(const AdminArguments& arguments, AdminDoor& door);
/// `tocsin outputs resume NAME`: ends an output's quarantine.
CommandOutput resume_output(const std::string& name, const AdminArguments& arguments,
                            AdminDoor& door);

}  // namespace tocsin::app
