#pragma once

#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// `tocsin outputs`: each output's lane and backlog.
CommandOutput list_outputs(const AdminArguments& arguments, AdminDoor& door);
/// `tocsin outputs pause NAME`: it begins nothing until it is resumed.
CommandOutput pause_output(const std::string& name, const AdminArguments& arguments,
                           AdminDoor& door);
/// `tocsin outputs resume NAME`: ends that, and an output's quarantine.
CommandOutput resume_output(const std::string& name, const AdminArguments& arguments,
                            AdminDoor& door);

/// `tocsin outputs breaker NAME open|closed|auto`: `state` is one of them.
CommandOutput order_breaker(const std::string& name, const std::string& state,
                            const AdminArguments& arguments, AdminDoor& door);

/// What `tocsin outputs move` was told.
struct MoveArguments {
  std::string from;
  std::string to;
  bool dead = false;     ///< dead letters as well
  bool dry_run = false;  ///< only say how many
};

/// `tocsin outputs move`: gives what waits for one output to another, however many steps it takes.
CommandOutput move_output(const MoveArguments& arguments, const AdminArguments& admin,
                          AdminDoor& door);

}  // namespace tocsin::app
