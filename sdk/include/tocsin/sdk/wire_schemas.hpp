// JSON Schemas of what travels over HTTP, for those who take or show notifications: as the
// gateway's codec reads them and its answers are written. A limit counts characters here and bytes
// there, so a schema never refuses what the gateway takes.
#pragma once

#include "tocsin/sdk/openapi.hpp"

namespace tocsin::sdk::wire {

inline constexpr openapi::Schema kNotification = {"Notification", R"json({
"type":"object","required":["topic"],"additionalProperties":false,
"description":"What somebody must hear. An empty text is an absent one.",
"properties":{
"topic":{"type":"string","minLength":1,"maxLength":256,"description":"Segments with dots between them; none is empty or holds *."},
"level":{"type":"string","enum":["trace","debug","info","notice","warning","error","critical","emergency"],"default":"info","description":"How much it matters. Case does not; warn and fatal are taken for warning and critical."},
"title":{"type":"string","maxLength":1024},
"body":{"type":"string"},
"labels":{"type":"object","maxProperties":64,"additionalProperties":{"type":"string","maxLength":1024}},
"data":{"description":"Any JSON; kept as it is."},
"key":{"type":"string","maxLength":256,"description":"What it is about, such as one order: what an output may keep in order."},
"supersede":{"type":"boolean","default":false,"description":"With a key: what is not yet sent of the caller's earlier ones with that key is cancelled."},
"external_id":{"type":"string","maxLength":256,"description":"The sender's own name for it."},
"to":{"type":"array","maxItems":1000,"items":{"type":"string","maxLength":512,"pattern":"^[a-z][a-z0-9_-]*:"},"description":"Addresses, kind:value, such as email:ops@example.com."},
"deliver_at":{"type":"string","format":"date-time","description":"Not before."},
"delay":{"type":"string","description":"A duration such as 5m, for deliver_at."},
"expires_at":{"type":"string","format":"date-time","description":"Not after."},
"idempotency_key":{"type":"string","maxLength":255,"description":"Of one item of a batch."}},
"examples":[{"topic":"orders.paid","level":"warning","title":"Order 4711 was paid twice","labels":{"team":"payments"},"data":{"order":4711},"key":"order-4711"}]})json"};

inline constexpr openapi::Schema kAccepted = {"Accepted", R"json({
"type":"object","required":["status"],
"description":"Accepted: it is on disk. Dropped: a filter took it out.",
"properties":{
"id":{"type":"string"},
"status":{"type":"string","enum":["accepted","dropped"]},
"deliveries":{"type":"integer","minimum":0,"description":"How many it became, when it was accepted."},
"by":{"type":"string","description":"The filter that dropped it."}}})json"};

inline constexpr openapi::Schema kDelivery = {"Delivery", R"json({
"type":"object","required":["id","output","state","attempts","updated_at"],
"description":"One notification for one output and one address.",
"properties":{
"id":{"type":"string"},
"output":{"type":"string"},
"address":{"type":"string"},
"state":{"type":"string","enum":["ready","claimed","sending","delivered","dead","cancelled","fell_back"]},
"review":{"type":"string","enum":["pending","approved","discarded"],"description":"Of a dead letter."},
"attempts":{"type":"integer","minimum":0},
"next_at":{"type":"string","format":"date-time","description":"When its turn is, while it is ready."},
"updated_at":{"type":"string","format":"date-time"},
"reason":{"type":"string","description":"What the last attempt came to."},
"provider_id":{"type":"string","description":"What the receiver calls it."},
"redrive_at":{"type":"string","format":"date-time","description":"When a dead letter is sent again by itself."},
"cancel_requested":{"type":"boolean"}}})json"};

inline constexpr openapi::Schema kProblem = {"Problem", R"json({
"type":"object","required":["title","status"],
"description":"RFC 9457.",
"properties":{
"title":{"type":"string"},
"status":{"type":"integer"},
"detail":{"type":"string"},
"pointer":{"type":"string","description":"RFC 6901: where in the body; empty is the whole."}}})json"};

}  // namespace tocsin::sdk::wire
