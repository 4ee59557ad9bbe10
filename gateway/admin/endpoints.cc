// The table of the admin API. A new endpoint is a row here, a function in endpoint_functions.h, and
// a line in README.md.

#include <array>

#include "gateway/admin/endpoint.h"
#include "gateway/admin/endpoint_functions.h"

namespace tocsin::admin {

namespace {

constexpr std::array<std::string_view, 3> kListParameters = {"output", "before", "limit"};
constexpr std::array<std::string_view, 2> kAuditParameters = {"before", "limit"};

constexpr std::array<Endpoint, 16> kEndpoints = {{
    {.method = "GET",
     .pattern = "/healthz",
     .role = Role::kNobody,
     .summary = "The process serves.",
     .serve = serve_health},
    {.method = "GET",
     .pattern = "/readyz",
     .role = Role::kNobody,
     .summary = "200 when new work is welcome, 503 while starting or draining.",
     .serve = serve_readiness},
    {.method = "GET",
     .pattern = "/metrics",
     .role = Role::kNobody,
     .summary = "Prometheus text format.",
     .serve = serve_metrics},
    {.method = "GET",
     .pattern = "/v1/health",
     .role = Role::kViewer,
     .summary = "The store's size, its oldest waiting delivery, free disk, and the backlog.",
     .serve = serve_detailed_health},
    {.method = "GET",
     .pattern = "/v1/outputs",
     .role = Role::kViewer,
     .summary = "Each output's lane and backlog.",
     .serve = serve_outputs},
    // It tells names, addresses and what others were refused.
    {.method = "GET",
     .pattern = "/v1/audit",
     .role = Role::kAdmin,
     .summary = "Who changed what through this address, newest first, a page at a time.",
     .serve = serve_audit,
     .parameters = kAuditParameters},
    {.method = "GET",
     .pattern = "/v1/notifications/{id}",
     .role = Role::kViewer,
     .summary = "One notification, of any caller, and its deliveries.",
     .serve = serve_notification},
    {.method = "POST",
     .pattern = "/v1/notifications",
     .role = Role::kOperator,
     .summary = "Sends a notification.",
     .serve = serve_send,
     .action = "notification.send",
     .takes_json = true},
    {.method = "GET",
     .pattern = "/v1/dead-letters",
     .role = Role::kViewer,
     .summary = "Dead letters, newest first, a page at a time.",
     .serve = serve_dead_letters,
     .parameters = kListParameters},
    {.method = "POST",
     .pattern = "/v1/dead-letters/redrive",
     .role = Role::kOperator,
     .summary = "Sends many dead letters of one output again.",
     .serve = serve_redrive_many,
     .action = "dead_letters.redrive",
     .takes_json = true},
    {.method = "POST",
     .pattern = "/v1/dead-letters/approve",
     .role = Role::kOperator,
     .summary = "Marks many dead letters of one output as worth sending again.",
     .serve = serve_approve_many,
     .action = "dead_letters.approve",
     .takes_json = true},
    {.method = "POST",
     .pattern = "/v1/dead-letters/discard",
     .role = Role::kOperator,
     .summary = "Marks many dead letters of one output as done with.",
     .serve = serve_discard_many,
     .action = "dead_letters.discard",
     .takes_json = true},
    {.method = "GET",
     .pattern = "/v1/dead-letters/{id}",
     .role = Role::kViewer,
     .summary = "One dead letter with its notification.",
     .serve = serve_dead_letter},
    {.method = "POST",
     .pattern = "/v1/dead-letters/{id}/redrive",
     .role = Role::kOperator,
     .summary = "Sends one dead letter again.",
     .serve = serve_redrive,
     .action = "dead_letter.redrive"},
    {.method = "POST",
     .pattern = "/v1/dead-letters/{id}/approve",
     .role = Role::kOperator,
     .summary = "Marks one dead letter as worth sending again.",
     .serve = serve_approve,
     .action = "dead_letter.approve"},
    {.method = "POST",
     .pattern = "/v1/dead-letters/{id}/discard",
     .role = Role::kOperator,
     .summary = "Marks one dead letter as done with.",
     .serve = serve_discard,
     .action = "dead_letter.discard"},
}};

}  // namespace

std::span<const Endpoint> admin_endpoints() { return kEndpoints; }

}  // namespace tocsin::admin
