#include "operations.h"

#include <algorithm>
#include <array>
#include <optional>

#include "tocsin/sdk/wire_schemas.hpp"

namespace tocsin::input_http {

namespace {

namespace openapi = sdk::openapi;
namespace wire = sdk::wire;

using openapi::Answer;
using openapi::problem;

constexpr std::string_view kIdSegment = "/{id}";

// ---- parameters and bodies

constexpr openapi::Parameter kWait = {
    .name = "wait",
    .doc = "Answer when each delivery is settled, or after the input's wait_timeout.",
    .schema = R"({"type":"string","enum":["delivered"]})"};
constexpr openapi::Parameter kIdempotencyKey = {
    .name = "Idempotency-Key",
    .doc = "The same request with the same key is accepted once within 24 hours.",
    .schema = R"({"type":"string","maxLength":255})",
    .in = openapi::In::kHeader};
constexpr std::array kSendParameters = {kWait, kIdempotencyKey};
constexpr std::array kGetParameters = {kWait};

constexpr std::array kOneBodies = {openapi::Body{.schema = "Notification"}};
constexpr std::array kBatchBodies = {
    openapi::Body{.schema = "Batch"},
    openapi::Body{.type = "application/x-ndjson",
                  .schema = {},
                  .example = "{\"topic\":\"orders.paid\"}\n{\"topic\":\"orders.sent\"}\n"}};
constexpr std::array kTimeBodies = {openapi::Body{.schema = "NewTime"}};

// ---- answers

constexpr std::array kAcceptedFields = {
    openapi::Field{"Location", "Where its state is."},
    openapi::Field{"Idempotent-Replayed", "true: what an earlier request with this key came to."}};
constexpr std::array kSendAnswers = {
    Answer{200, "With wait: what became of it.", "State"},
    Answer{202, "It is on disk, or a filter dropped it.", "Accepted", openapi::kJson,
           kAcceptedFields},
    problem(400),
    problem(401),
    problem(413),
    problem(415),
    problem(422,
            "No route takes it, nobody has an address, it would be too many deliveries, or its "
            "idempotency key was used with another body."),
    problem(503, "Nothing can be stored now.")};
constexpr std::array kBatchAnswers = {
    Answer{202, "A result for each item, in their order.", "BatchResults"},
    problem(400, "The body as a whole is no batch of 1 to 1000 items."),
    problem(401),
    problem(413),
    problem(415),
    problem(503, "Nothing of it can be stored now.")};
constexpr std::array kGetAnswers = {Answer{200, "Its state.", "State"}, problem(400), problem(401),
                                    problem(404), problem(503, "The store cannot be asked now.")};
constexpr std::array kCancelAnswers = {
    Answer{200, "How many deliveries were cancelled, are under way, were over.", "Cancelled"},
    problem(400),
    problem(401),
    problem(404),
    problem(409, "All of it was settled before."),
    problem(503, "The store cannot be asked now.")};
constexpr std::array kRescheduleAnswers = {
    Answer{200, "How many deliveries wait for the new time, are under way, were over.",
           "Rescheduled"},
    problem(400),
    problem(401),
    problem(404),
    problem(409, "Nothing of it waits any more."),
    problem(413),
    problem(415),
    problem(422, "It would expire before that time."),
    problem(503, "The store cannot be asked now.")};
constexpr std::array kDescribeAnswers = {Answer{200, "This document.", "OpenApi"}, problem(401)};

// ---- schemas

constexpr openapi::Schema kBatch = {
    "Batch",
    R"json({"type":"array","minItems":1,"maxItems":1000,"items":{"$ref":"#/components/schemas/Notification"},"examples":[[{"topic":"orders.paid"},{"topic":"orders.sent"}]]})json"};
constexpr openapi::Schema kBatchResults = {"BatchResults", R"json({
"type":"object","required":["results"],"properties":{"results":{"type":"array","items":{
"type":"object","required":["status"],"properties":{
"status":{"type":"string","enum":["accepted","dropped","unrouted","no_address","too_many","conflict","invalid","full","store_down"]},
"id":{"type":"string"},
"deliveries":{"type":"integer","minimum":0},
"by":{"type":"string","description":"The filter that dropped it."},
"detail":{"type":"string","description":"Why it was refused."},
"pointer":{"type":"string","description":"RFC 6901: where in the item."}}}}}})json"};
constexpr openapi::Schema kState = {"State", R"json({
"type":"object","required":["id","accepted_at","notification","deliveries"],"properties":{
"id":{"type":"string"},
"accepted_at":{"type":"string","format":"date-time"},
"notification":{"$ref":"#/components/schemas/Notification"},
"deliveries":{"type":"array","items":{"$ref":"#/components/schemas/Delivery"}}}})json"};
constexpr openapi::Schema kCancelled = {"Cancelled", R"json({
"type":"object","required":["cancelled","in_flight","done"],"properties":{
"cancelled":{"type":"integer","minimum":0},
"in_flight":{"type":"integer","minimum":0},
"done":{"type":"integer","minimum":0}}})json"};
constexpr openapi::Schema kNewTime = {"NewTime", R"json({
"type":"object","additionalProperties":false,"minProperties":1,"maxProperties":1,"properties":{
"deliver_at":{"type":"string","format":"date-time"},
"delay":{"type":"string","description":"A duration such as 5m, from now on."}},
"examples":[{"delay":"5m"}]})json"};
constexpr openapi::Schema kRescheduled = {"Rescheduled", R"json({
"type":"object","required":["rescheduled","in_flight","done"],"properties":{
"rescheduled":{"type":"integer","minimum":0},
"in_flight":{"type":"integer","minimum":0},
"done":{"type":"integer","minimum":0}}})json"};
constexpr openapi::Schema kOpenApi = {
    "OpenApi",
    R"json({"type":"object","required":["openapi","info","paths"],"additionalProperties":true})json"};
constexpr std::array kSchemas = {wire::kNotification,
                                 wire::kAccepted,
                                 wire::kDelivery,
                                 wire::kProblem,
                                 kBatch,
                                 kBatchResults,
                                 kState,
                                 kCancelled,
                                 kNewTime,
                                 kRescheduled,
                                 kOpenApi};

// ---- the table

constexpr std::array<Operation, 6> kOperations = {{
    {Verb::kOne,
     {.method = "POST",
      .path = kSendPath,
      .id = "send",
      .summary = "Sends a notification.",
      .parameters = kSendParameters,
      .bodies = kOneBodies,
      .answers = kSendAnswers}},
    {Verb::kBatch,
     {.method = "POST",
      .path = "/notifications/batch",
      .id = "sendBatch",
      .summary = "Sends up to 1000 notifications, each with a result of its own.",
      .bodies = kBatchBodies,
      .answers = kBatchAnswers}},
    {Verb::kGet,
     {.method = "GET",
      .path = "/notifications/{id}",
      .id = "getNotification",
      .summary = "What became of a notification of this caller.",
      .parameters = kGetParameters,
      .answers = kGetAnswers}},
    {Verb::kCancel,
     {.method = "DELETE",
      .path = "/notifications/{id}",
      .id = "cancelNotification",
      .summary = "Cancels what has not left.",
      .answers = kCancelAnswers}},
    {Verb::kReschedule,
     {.method = "PATCH",
      .path = "/notifications/{id}",
      .id = "rescheduleNotification",
      .summary = "Another time for what still waits.",
      .bodies = kTimeBodies,
      .answers = kRescheduleAnswers}},
    {Verb::kDescribe,
     {.method = "GET",
      .path = "/openapi.json",
      .id = "describe",
      .summary = "This document.",
      .answers = kDescribeAnswers}},
}};

// What "{id}" stood for ("" when the pattern has none), or nothing when the path is another.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with(kIdSegment)) {
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  }
  pattern.remove_suffix(kIdSegment.size() - 1);  // its slash stays
  if (!path.starts_with(pattern)) return std::nullopt;
  path.remove_prefix(pattern.size());
  const bool one_segment = !path.empty() && path.find('/') == path.npos;
  return one_segment ? std::optional(path) : std::nullopt;
}

}  // namespace

std::span<const Operation> operations() { return kOperations; }

// The first path that fits is the one that is meant: "batch" is nobody's id.
OperationMatch match_operation(std::string_view method, std::string_view path) {
  OperationMatch match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::string_view meant;
  for (const Operation& operation : kOperations) {
    const openapi::Operation& about = operation.about;
    if (!meant.empty() && about.path != meant) continue;
    const auto id = fit(about.path, path);
    if (!id) continue;
    meant = about.path;
    if (about.method == wanted) return {&operation, *id, {}};
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += about.method == "GET" ? "GET, HEAD" : about.method;
  }
  return match;
}

std::string describe(std::string_view base, const std::vector<std::string>& further) {
  std::vector<std::string> paths;
  paths.reserve(kOperations.size());
  for (const Operation& row : kOperations) {
    paths.push_back(std::string(base) + std::string(row.about.path));
  }
  std::vector<openapi::Operation> described;
  described.reserve(kOperations.size() + further.size());
  for (std::size_t i = 0; i < kOperations.size(); ++i) {
    described.push_back(kOperations[i].about);
    described.back().path = paths[i];
  }
  std::vector<std::string> suffixes;
  suffixes.reserve(further.size());
  for (const std::string& path : further) {
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) continue;
    suffixes.push_back("At" + std::to_string(suffixes.size() + 1));
    described.push_back(kOperations.front().about);
    described.back().path = path;
    described.back().suffix = suffixes.back();
  }
  return openapi::write(
      {.title = "Tocsin: notifications",
       .version = "1",
       .description = "Takes notifications and tells what became of them. A 202 is answered once "
                      "they are on disk.",
       .token_doc = "A token of the input's `tokens`. An input without tokens takes requests "
                    "without.",
       .operations = described,
       .schemas = kSchemas});
}

}  // namespace tocsin::input_http
