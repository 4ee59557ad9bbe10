#pragma once

#include <string>

#include "gateway/app/admin_client.h"

namespace tocsin::app {

/// What `tocsin top` was told.
struct TopArguments {
  std::string interval = "2s";
  bool once = false;  ///< two samples, one report
};

/// Shows what a gateway does until it is told to stop: live on a terminal, else report by report.
/// Returns the exit code. `where` is the gateway's address, for people.
int show_top(const TopArguments& arguments, const AdminArguments& admin, const std::string& where,
             AdminDoor& door);

}  // namespace tocsin::app
