#pragma once

#include <string>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_audit.h"
#include "gateway/app/command_dlq.h"
#include "gateway/app/command_notifications.h"
#include "gateway/app/command_outputs.h"
#include "gateway/app/command_routes.h"
#include "gateway/app/command_send.h"
#include "gateway/app/command_suppressions.h"
#include "gateway/app/command_top.h"

namespace tocsin::app {

inline constexpr const char* kDefaultConfigPath = "/etc/tocsin/tocsin.yaml";

/// What every command may be told, as the command line fills it in.
struct Arguments {
  std::string config_path = kDefaultConfigPath;
  bool json = false;
  bool create = false;  // check
  AdminArguments admin;
  SendArguments send;
  std::string send_path;   // "-": standard input
  std::string event_path;  // explain, render; "-": standard input
  RouteTestArguments route_test;
  ListArguments list;
  ReviewArguments review;
  MoveArguments move;
  std::string letter_id;
  std::string output;  // of `render`, `outputs pause`, `resume` and `breaker`
  std::string breaker_state;
  AuditArguments audit;
  SuppressionArguments suppression;
  SearchArguments search;
  TopArguments top;
};

}  // namespace tocsin::app
