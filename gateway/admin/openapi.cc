// The API as an OpenAPI 3.1 document: the table of endpoints, what ApiCall refuses for all of them,
// and the schemas of what is read and written here.

#include <array>
#include <string>
#include <vector>

#include "gateway/admin/endpoint_functions.h"
#include "tocsin/sdk/wire_schemas.hpp"

namespace tocsin::admin {

namespace {

namespace openapi = sdk::openapi;
namespace wire = sdk::wire;

// Borrowed by the operations while the document is written.
struct Described {
  std::vector<openapi::Answer> answers;
  std::array<openapi::Body, 1> body;
};

Described describe(const Endpoint& endpoint) {
  Described described;
  for (const openapi::Answer& answer : endpoint.answers) {
    if (answer.status != 0) described.answers.push_back(answer);
  }
  const auto refuse = [&](int status) { described.answers.push_back(openapi::problem(status)); };
  refuse(400);  // the query, or a body where there is none
  if (endpoint.role != Role::kNobody) {
    refuse(401);
    refuse(403);
  }
  if (endpoint.takes_json()) {
    refuse(413);
    refuse(415);
  }
  for (const int status : endpoint.problems) {
    if (status != 0) refuse(status);
  }
  described.body = {openapi::Body{.schema = endpoint.body}};
  return described;
}

constexpr openapi::Schema kStatus = {"Status", R"json({
"type":"object","required":["status"],"properties":{
"status":{"type":"string","enum":["ok","starting","ready","draining","unavailable"]},
"reason":{"type":"string"}}})json"};

constexpr openapi::Schema kHealth = {"Health", R"json({
"type":"object","required":["status","state"],"properties":{
"status":{"type":"string","enum":["ok","degraded"]},
"state":{"type":"string","enum":["starting","ready","draining"]},
"config":{"$ref":"#/components/schemas/Config"},
"failed_upgrade":{"type":"object","required":["reason","error","at"],
"description":"The last new process that was to take this one's place did not.","properties":{
"reason":{"type":"string","enum":["not_started","ended","not_ready","ended_after_ready"]},
"error":{"type":"string"},
"at":{"type":"string","format":"date-time"}}},
"stuck_loops":{"type":"array","items":{"type":"object","required":["name","busy_ms","stack"],"properties":{
"name":{"type":"string"},
"busy_ms":{"type":"integer"},
"plugin":{"type":"string","description":"What it is inside."},
"id":{"type":"string"},
"callback":{"type":"string"},
"stack":{"type":"array","items":{"type":"string"}}}}},
"overload":{"type":"array","items":{"type":"string","enum":["ingests","loop_lag","memory","backlog"]},"description":"What new notifications are refused for."},
"store":{"type":"object","required":["accepting"],"properties":{
"accepting":{"type":"boolean"},
"size_bytes":{"type":"integer"},
"free_disk_bytes":{"type":"integer"},
"oldest_ready_at":{"type":"string","format":"date-time"},
"oldest_ready_age_ms":{"type":"integer"},
"error":{"type":"string","description":"Why it could not be asked."}}},
"backlog":{"type":"object","properties":{
"ready":{"type":"integer"},
"dead":{"type":"integer"},
"waiting":{"type":"array","maxItems":10,"description":"The outputs with the oldest that waits, oldest first.","items":{
"type":"object","required":["output","ready","oldest_ready_at","oldest_ready_age_ms"],"properties":{
"output":{"type":"string"},
"ready":{"type":"integer"},
"oldest_ready_at":{"type":"string","format":"date-time"},
"oldest_ready_age_ms":{"type":"integer"}}}},
"error":{"type":"string"}}}}})json"};

constexpr openapi::Schema kConfig = {"Config", R"json({
"type":"object","properties":{
"path":{"type":"string"},
"snapshot":{"type":"integer","description":"Counts the configurations that served."},
"snapshots_alive":{"type":"integer"},
"loaded_at":{"type":"string","format":"date-time"},
"last_reload":{"type":"object","required":["ok","at"],"properties":{
"ok":{"type":"boolean"},
"at":{"type":"string","format":"date-time"},
"errors":{"$ref":"#/components/schemas/ConfigFaults"}}},
"reload_under_way":{"type":"object","required":["for_ms"],"properties":{
"for_ms":{"type":"integer"},
"inside":{"type":"string","description":"The call into a plugin that it waits for."}}}}})json"};

constexpr openapi::Schema kConfigFaults = {"ConfigFaults", R"json({
"type":"array","items":{"type":"object","required":["message"],"properties":{
"file":{"type":"string"},
"line":{"type":"integer"},
"column":{"type":"integer"},
"path":{"type":"string"},
"message":{"type":"string"},
"hint":{"type":"string"}}}})json"};

constexpr openapi::Schema kReloaded = {"Reloaded", R"json({
"type":"object","required":["status","snapshot","changes"],"properties":{
"status":{"type":"string","enum":["applied","unchanged"]},
"snapshot":{"type":"integer"},
"changes":{"type":"array","items":{"type":"object","required":["what","how"],"properties":{
"what":{"type":"string"},
"name":{"type":"string"},
"how":{"type":"string"}}}}}})json"};

constexpr openapi::Schema kReloadRefused = {"ReloadRefused", R"json({
"type":"object","required":["title","status","errors"],"properties":{
"title":{"type":"string"},
"status":{"type":"integer"},
"detail":{"type":"string"},
"snapshot":{"type":"integer","description":"The one that serves on."},
"errors":{"$ref":"#/components/schemas/ConfigFaults"}}})json"};

constexpr openapi::Schema kOutputs = {"Outputs", R"json({
"type":"object","required":["outputs"],"properties":{"outputs":{"type":"array","items":{
"type":"object","required":["name","state","ready","dead"],"properties":{
"name":{"type":"string"},
"type":{"type":"string"},
"state":{"type":"string","enum":["running","paused","unknown","orphaned"]},
"reason":{"type":"string"},
"breaker":{"type":"string","enum":["closed","open","half_open","forced_open","forced_closed"]},
"lane":{"type":"string","enum":["direct","spilled"]},
"in_flight":{"type":"integer"},
"in_memory":{"type":"integer"},
"ready":{"type":"integer"},
"dead":{"type":"integer"},
"oldest_ready_at":{"type":"string","format":"date-time","description":"When the first of those that wait in the store was, or is, due; absent: none waits."},
"oldest_ready_age_ms":{"type":"integer","description":"For how long it has been due."}}}},
"silent_loops":{"type":"array","items":{"type":"string"},"description":"Loops that did not answer: their outputs are unknown."}}})json"};

constexpr openapi::Schema kMoveOrder = {"MoveOrder", R"json({
"type":"object","required":["from","to"],"additionalProperties":false,"properties":{
"from":{"type":"string","minLength":1},
"to":{"type":"string","minLength":1,"description":"A configured output."},
"dead":{"type":"boolean","default":false,"description":"Its dead letters, too."},
"dry_run":{"type":"boolean","default":false}},
"examples":[{"from":"old-chat","to":"new-chat","dry_run":true}]})json"};

constexpr openapi::Schema kMoved = {"Moved", R"json({
"type":"object","required":["from","to","ready","dead","more"],"properties":{
"from":{"type":"string"},
"to":{"type":"string"},
"ready":{"type":"integer"},
"dead":{"type":"integer"},
"dry_run":{"type":"boolean"},
"more":{"type":"boolean","description":"Ask again for the rest."}}})json"};

constexpr openapi::Schema kPaused = {"Paused", R"json({
"type":"object","required":["output","status"],"properties":{
"output":{"type":"string"},
"kept":{"type":"boolean","description":"false: the store takes nothing now, and a crash before it does forgets this."},
"status":{"type":"string","enum":["paused","was paused already","pauses once its loop answers"]}}})json"};

constexpr openapi::Schema kResumed = {"Resumed", R"json({
"type":"object","required":["output","status"],"properties":{
"output":{"type":"string"},
"kept":{"type":"boolean","description":"false: the store takes nothing now, and a crash before it does forgets this."},
"status":{"type":"string","enum":["resumed","was neither paused nor in quarantine","resumes once its loop answers"]}}})json"};

constexpr openapi::Schema kBreakerOrder = {"BreakerOrder", R"json({
"type":"object","required":["state"],"additionalProperties":false,"properties":{
"state":{"type":"string","enum":["open","closed","auto"],"description":"auto: it is left to itself again."}},
"examples":[{"state":"open"}]})json"};

constexpr openapi::Schema kBreakerOrdered = {"BreakerOrdered", R"json({
"type":"object","required":["output","breaker"],"properties":{
"output":{"type":"string"},
"kept":{"type":"boolean","description":"false: the store takes nothing now, and a crash before it does forgets this."},
"breaker":{"type":"string","enum":["closed","open","half_open","forced_open","forced_closed","unknown"],
"description":"unknown: its loop has not answered yet."}}})json"};

constexpr openapi::Schema kAuditPage = {"AuditPage", R"json({
"type":"object","required":["audit"],"properties":{
"audit":{"type":"array","items":{"type":"object","required":["id","at","action","result","status"],"properties":{
"id":{"type":"string"},
"at":{"type":"string","format":"date-time"},
"who":{"type":"string"},
"role":{"type":"string"},
"action":{"type":"string"},
"target":{"type":"string"},
"result":{"type":"string","enum":["ok","unauthenticated","denied","refused","failed"]},
"status":{"type":"integer"},
"detail":{"type":"string"},
"peer":{"type":"string"},
"request_id":{"type":"string"}}}},
"next":{"type":"string","description":"Where the next page begins."}}})json"};

constexpr openapi::Schema kNotificationState = {"NotificationState", R"json({
"type":"object","required":["id","input","accepted_at","notification","deliveries"],"properties":{
"id":{"type":"string"},
"input":{"type":"string"},
"caller":{"type":"string"},
"accepted_at":{"type":"string","format":"date-time"},
"notification":{"$ref":"#/components/schemas/Notification"},
"deliveries":{"type":"array","items":{"$ref":"#/components/schemas/Delivery"}}}})json"};

constexpr openapi::Schema kNotificationPage = {"NotificationPage", R"json({
"type":"object","required":["notifications"],"properties":{
"notifications":{"type":"array","items":{"type":"object","required":["id","input","accepted_at","topic"],"properties":{
"id":{"type":"string"},
"input":{"type":"string"},
"caller":{"type":"string"},
"accepted_at":{"type":"string","format":"date-time"},
"topic":{"type":"string"},
"level":{"type":"string"},
"title":{"type":"string"}}}},
"next":{"type":"string","description":"The `before` of the next page; absent: there is none."}}})json"};

constexpr openapi::Schema kDeadLetterRow = {"DeadLetterRow", R"json({
"type":"object","required":["id","output","state","review","attempts","updated_at","notification"],"properties":{
"id":{"type":"string"},
"output":{"type":"string"},
"address":{"type":"string"},
"state":{"const":"dead"},
"review":{"type":"string","enum":["pending","approved","discarded"]},
"attempts":{"type":"integer"},
"died_at":{"type":"string","format":"date-time"},
"updated_at":{"type":"string","format":"date-time"},
"reason":{"type":"string"},
"provider_id":{"type":"string"},
"redrive_at":{"type":"string","format":"date-time","description":"When it is sent again by itself; absent: it is final."},
"cancel_requested":{"type":"boolean"},
"notification":{"type":"string","description":"Its id."},
"topic":{"type":"string"},
"level":{"type":"string"},
"title":{"type":"string"}}})json"};

constexpr openapi::Schema kDeadLetterPage = {"DeadLetterPage", R"json({
"type":"object","required":["dead_letters"],"properties":{
"dead_letters":{"type":"array","items":{"$ref":"#/components/schemas/DeadLetterRow"}},
"next":{"type":"string","description":"Where the next page begins."}}})json"};

constexpr openapi::Schema kDeadLetter = {"DeadLetter", R"json({
"type":"object","required":["id","output","state","review","attempts","updated_at","of"],"properties":{
"id":{"type":"string"},
"output":{"type":"string"},
"address":{"type":"string"},
"state":{"const":"dead"},
"review":{"type":"string","enum":["pending","approved","discarded"]},
"attempts":{"type":"integer"},
"died_at":{"type":"string","format":"date-time"},
"updated_at":{"type":"string","format":"date-time"},
"reason":{"type":"string"},
"provider_id":{"type":"string"},
"redrive_at":{"type":"string","format":"date-time","description":"When it is sent again by itself; absent: it is final."},
"cancel_requested":{"type":"boolean"},
"of":{"type":"object","required":["id","input","accepted_at","notification"],"properties":{
"id":{"type":"string"},
"input":{"type":"string"},
"caller":{"type":"string"},
"accepted_at":{"type":"string","format":"date-time"},
"notification":{"$ref":"#/components/schemas/Notification"}}}}})json"};

constexpr openapi::Schema kReviewed = {"Reviewed", R"json({
"type":"object","required":["id","status"],"properties":{
"id":{"type":"string"},
"status":{"type":"string","enum":["redriven","approved","discarded"]},
"output":{"type":"string"}}})json"};

constexpr openapi::Schema kDeadLetterStats = {"DeadLetterStats", R"json({
"type":"object","required":["groups"],"properties":{
"groups":{"type":"array","items":{"type":"object",
"required":["output","reason","pending","approved","discarded","oldest_accepted_at","newest_accepted_at"],"properties":{
"output":{"type":"string"},
"reason":{"type":"string","description":"As metrics name it; other: one this release does not know."},
"pending":{"type":"integer"},
"approved":{"type":"integer"},
"discarded":{"type":"integer"},
"oldest_accepted_at":{"type":"string","format":"date-time"},
"newest_accepted_at":{"type":"string","format":"date-time"}}}},
"next":{"type":"string","description":"What `before` is to count the rest; absent: all are counted."}}})json"};

constexpr openapi::Schema kSweep = {"Sweep", R"json({
"type":"object","minProperties":1,"additionalProperties":false,
"description":"Which ones: `ids`, or at least one of the filter's members, all of which must fit.","properties":{
"ids":{"type":"array","minItems":1,"maxItems":1000,"uniqueItems":true,"items":{"type":"string"}},
"output":{"type":"string","minLength":1},
"reason":{"type":"string","enum":["exhausted","rejected","target_gone","ambiguous","unauthorized","internal","expired","crashed_gateway","unreadable","breaker","suppressed","bounced"]},
"topic":{"type":"string","minLength":1,"description":"A topic, or a pattern of topics."},
"address":{"type":"string","description":"kind:value, or kind: for all of a kind."},
"review":{"type":"string","enum":["pending","approved"],"description":"Discarded ones are changed by their ids alone."},
"accepted_after":{"type":"string","description":"An instant (RFC 3339), or how long ago, as in 2h."},
"accepted_before":{"type":"string"},
"updated_after":{"type":"string"},
"updated_before":{"type":"string"},
"limit":{"type":"integer","minimum":1,"maximum":10000,"default":1000},
"before":{"type":"string","description":"The `next` of the request before."},
"rate":{"type":"string","description":"At most so many, as 50/s. The request then ends after five seconds at most, with `next`, and `wait_ms` if more time has to pass."},
"dry_run":{"type":"boolean","default":false,"description":"Only say how many there are, and show some."}},
"examples":[{"reason":"exhausted","accepted_after":"2h","limit":100}]})json"};

constexpr openapi::Schema kSwept = {"Swept", R"json({
"type":"object","required":["matched","changed","gone"],"properties":{
"output":{"type":"string"},
"matched":{"type":"integer"},
"changed":{"type":"integer"},
"gone":{"type":"integer","description":"No dead letters any more when their turn came."},
"dry_run":{"const":true},
"sample":{"type":"array","items":{"$ref":"#/components/schemas/DeadLetterRow"}},
"gone_ids":{"type":"array","items":{"type":"string"}},
"rest_ids":{"type":"array","items":{"type":"string"},"description":"Not reached: ask again for these."},
"next":{"type":"string","description":"Where the rest begins."},
"wait_ms":{"type":"integer","description":"With a rate: how long to wait before asking for the rest; absent: not at all."}}})json"};

constexpr openapi::Schema kSuppressionPage = {"SuppressionPage", R"json({
"type":"object","required":["suppressions"],"properties":{
"suppressions":{"type":"array","items":{"type":"object","required":["address"],"properties":{
"address":{"type":"string"},
"reason":{"type":"string"},
"by":{"type":"string","description":"The output whose receiver said so, or who asked for it."},
"since":{"type":"string","format":"date-time"},
"until":{"type":"string","format":"date-time","description":"Absent: until it is removed."}}}},
"next":{"type":"string","description":"What `after` is for the next page."}}})json"};

constexpr openapi::Schema kSuppressionOrder = {"SuppressionOrder", R"json({
"type":"object","required":["address"],"additionalProperties":false,"properties":{
"address":{"type":"string","maxLength":512,"description":"kind:value, such as email:a@b.example."},
"reason":{"type":"string","maxLength":256},
"ttl":{"type":"string","description":"A duration such as 90d; absent: until it is removed."}},
"examples":[{"address":"email:a@b.example","reason":"asked to","ttl":"90d"}]})json"};

constexpr openapi::Schema kSuppressionLift = {"SuppressionLift", R"json({
"type":"object","required":["address"],"additionalProperties":false,"properties":{
"address":{"type":"string","maxLength":512}},
"examples":[{"address":"email:a@b.example"}]})json"};

constexpr openapi::Schema kSuppressionChanged = {"SuppressionChanged", R"json({
"type":"object","required":["address","status"],"properties":{
"address":{"type":"string"},
"status":{"type":"string","enum":["suppressed","removed"]}}})json"};

constexpr openapi::Schema kOpenApi = {
    "OpenApi", R"json({"type":"object","required":["openapi","info","paths"]})json"};

constexpr std::array kSchemas = {wire::kNotification,
                                 wire::kAccepted,
                                 wire::kDelivery,
                                 wire::kProblem,
                                 kStatus,
                                 kHealth,
                                 kConfig,
                                 kConfigFaults,
                                 kReloaded,
                                 kReloadRefused,
                                 kOutputs,
                                 kMoveOrder,
                                 kMoved,
                                 kPaused,
                                 kResumed,
                                 kBreakerOrder,
                                 kBreakerOrdered,
                                 kAuditPage,
                                 kNotificationState,
                                 kNotificationPage,
                                 kDeadLetterRow,
                                 kDeadLetterPage,
                                 kDeadLetterStats,
                                 kDeadLetter,
                                 kReviewed,
                                 kSweep,
                                 kSwept,
                                 kSuppressionPage,
                                 kSuppressionOrder,
                                 kSuppressionLift,
                                 kSuppressionChanged,
                                 kOpenApi};

std::string document(std::string_view version) {
  const std::span<const Endpoint> endpoints = admin_endpoints();
  std::vector<Described> described;
  described.reserve(endpoints.size());
  std::vector<openapi::Operation> operations;
  operations.reserve(endpoints.size());
  for (const Endpoint& endpoint : endpoints) {
    const Described& more = described.emplace_back(describe(endpoint));
    openapi::Operation operation{.method = endpoint.method,
                                 .path = endpoint.pattern,
                                 .id = endpoint.id,
                                 .summary = endpoint.summary,
                                 .parameters = endpoint.parameters,
                                 .answers = more.answers,
                                 .open = endpoint.role == Role::kNobody};
    if (endpoint.takes_json()) operation.bodies = more.body;
    if (!operation.open) operation.role = role_name(endpoint.role);
    operations.push_back(operation);
  }
  return openapi::write(
      {.title = "Tocsin: administration",
       .version = version,
       .description = "What operators ask and change. Every POST is audited.",
       .token_doc = "A token of admin.tokens; an operation names the least role it takes (viewer, "
                    "operator, admin). Without any token configured the address answers whoever "
                    "is on the machine.",
       .operations = operations,
       .schemas = kSchemas});
}

}  // namespace

void serve_openapi(AdminApi& api, const CallRef& call) {
  call->answer_json(200, document(api.parts().version));
}

}  // namespace tocsin::admin
