#pragma once

#include <memory>

#include "gateway/admin/api_call.h"
#include "gateway/base/json_writer.h"

// What answers the rows of admin_endpoints(), one function a row.

namespace tocsin::admin {

using CallRef = std::shared_ptr<ApiCall>;

// pages.cc
void serve_health(AdminApi& api, const CallRef& call);
void serve_readiness(AdminApi& api, const CallRef& call);
void serve_metrics(AdminApi& api, const CallRef& call);

// openapi.cc
void serve_openapi(AdminApi& api, const CallRef& call);

// store_health.cc
void serve_detailed_health(AdminApi& api, const CallRef& call);

// config.cc
void serve_config(AdminApi& api, const CallRef& call);
void serve_reload(AdminApi& api, const CallRef& call);
/// {"path", "snapshot", ...}: the members of an open object.
void config_members(JsonWriter& json, const ConfigState& state);

// outputs.cc
void serve_outputs(AdminApi& api, const CallRef& call);
void serve_pause(AdminApi& api, const CallRef& call);
void serve_resume(AdminApi& api, const CallRef& call);
void serve_breaker(AdminApi& api, const CallRef& call);

// output_move.cc
void serve_move(AdminApi& api, const CallRef& call);

// notifications.cc
void serve_notification(AdminApi& api, const CallRef& call);
void serve_send(AdminApi& api, const CallRef& call);

// notification_search.cc
void serve_search(AdminApi& api, const CallRef& call);

// letter_list.cc
void serve_dead_letters(AdminApi& api, const CallRef& call);

// letter_stats.cc
void serve_letter_stats(AdminApi& api, const CallRef& call);

// dead_letters.cc
void serve_dead_letter(AdminApi& api, const CallRef& call);
void serve_redrive(AdminApi& api, const CallRef& call);
void serve_approve(AdminApi& api, const CallRef& call);
void serve_discard(AdminApi& api, const CallRef& call);

// dead_letter_sweep.cc
void serve_redrive_many(AdminApi& api, const CallRef& call);
void serve_approve_many(AdminApi& api, const CallRef& call);
void serve_discard_many(AdminApi& api, const CallRef& call);

// suppressions.cc
void serve_suppressions(AdminApi& api, const CallRef& call);
void serve_suppress(AdminApi& api, const CallRef& call);
void serve_lift(AdminApi& api, const CallRef& call);

// audit_pages.cc
void serve_audit(AdminApi& api, const CallRef& call);

/// The ledger, or null after the call was answered that this gateway keeps no notifications.
stage::Ledger* ledger_or_answer(AdminApi& api, const CallRef& call);

}  // namespace tocsin::admin
