// Addresses that nothing is sent to: listed, added, lifted.

#include "gateway/delivery/suppressions.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "gateway/admin/body.h"
#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"
#include "gateway/base/units.h"
#include "gateway/message/address.h"

namespace tocsin::admin {

namespace {

constexpr std::uint32_t kPageRows = 100;
constexpr Duration kKeepMax = std::chrono::days(3650);

struct Order {
  std::string address;
  std::string reason;
  Duration keep = Duration::zero();
};

std::optional<Problem> read_ttl(const std::string& text, Order& order) {
  const Result<Duration> keep = parse_duration(text);
  if (!keep) return wrong("/ttl", "This is no duration: " + keep.error().what + ".");
  if (*keep <= Duration::zero() || *keep > kKeepMax) {
    return wrong("/ttl", "It is more than nothing and at most 3650d.");
  }
  order.keep = *keep;
  return std::nullopt;
}

std::optional<Problem> read_member(const Value::Entry& member, Order& order) {
  if (!member.value.is<std::string>()) return wrong("/" + member.key, "A string is expected.");
  const std::string& text = member.value.as<std::string>();
  if (member.key == "ttl") return read_ttl(text, order);
  if (member.key == "reason") {
    if (text.size() > delivery::kSuppressionReasonBytesMax) {
      return wrong("/reason", "It has more than 256 bytes.");
    }
    order.reason = text;
    return std::nullopt;
  }
  if (!delivery::is_suppressible(text)) {
    return wrong("/address", "kind:value is expected, as in email:a@b.example.");
  }
  order.address = message::normal_address(text);
  return std::nullopt;
}

tl::expected<Order, Problem> read_order(std::string_view body, bool adds) {
  constexpr std::array<std::string_view, 3> kNames = {"address", "reason", "ttl"};
  const std::span known(kNames.data(), adds ? kNames.size() : 1);
  const auto document = read_body(body, known, std::span(kNames.data(), 1));
  if (!document) return tl::unexpected(document.error());
  Order order;
  for (const Value::Entry& member : document->as<Value::Map>()) {
    if (auto problem = read_member(member, order)) return tl::unexpected(std::move(*problem));
  }
  return order;
}

void write_suppression(JsonWriter& json, const stage::Record& record) {
  const auto one = delivery::decode_suppression(record);
  json.begin_object();
  json.pair("address", record.key);
  if (one) {
    json.pair("reason", one->reason);
    json.pair("by", one->by);
    time_pair(json, "since", one->since);
  }
  if (record.expires_at) time_pair(json, "until", *record.expires_at);
  json.end_object();
}

std::string page_json(const stage::RecordPage& page) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("suppressions");
  json.begin_array();
  for (const stage::Record& record : page.records) write_suppression(json, record);
  json.end_array();
  if (page.more && !page.records.empty()) json.pair("next", page.records.back().key);
  json.end_object();
  return text;
}

void answer_change(ApiCall& call, std::string_view address, std::string_view status) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("address", address);
  json.pair("status", status);
  json.end_object();
  call.answer_json(200, std::move(text));
}

}  // namespace

void serve_suppressions(AdminApi& api, const CallRef& call) {
  if (ledger_or_answer(api, call) == nullptr) return;
  stage::RecordScan scan;
  scan.collection = delivery::kSuppressionCollection;
  scan.limit = kPageRows;
  if (const std::string* prefix = call->parameter("prefix")) {
    scan.prefix = message::normal_address(*prefix);
  }
  if (const std::string* after = call->parameter("after")) scan.after = *after;
  if (const std::string* limit = call->parameter("limit")) {
    const auto number = read_limit(*limit, stage::kRecordPageRowsMax);
    if (!number) {
      return call->answer({.status = 400, .detail = "In the query: " + number.error().what + "."});
    }
    scan.limit = *number;
  }
  api.parts().records->scan(std::move(scan), [call](const Result<stage::RecordPage>& page) {
    if (!page) return call->answer(problem_of(page.error(), "read the store"));
    call->answer_json(200, page_json(*page));
  });
}

void serve_suppress(AdminApi& api, const CallRef& call) {
  auto order = read_order(call->body(), true);
  if (!order) return call->answer(order.error());
  call->set_target(order->address);
  if (ledger_or_answer(api, call) == nullptr) return;
  const delivery::Suppression one{.address = order->address,
                                  .reason = order->reason.empty() ? "on request" : order->reason,
                                  .by = call->caller().name,
                                  .since = call->loop().wall(),
                                  .until = std::nullopt};
  call->set_detail(one.reason);
  api.parts().suppressions->suppress(
      one, order->keep, [call, address = order->address](const Result<stage::RecordOutcome>& kept) {
        if (!kept) return call->answer(problem_of(kept.error(), "keep it"));
        answer_change(*call, address, "suppressed");
      });
}

void serve_lift(AdminApi& api, const CallRef& call) {
  auto order = read_order(call->body(), false);
  if (!order) return call->answer(order.error());
  call->set_target(order->address);
  if (ledger_or_answer(api, call) == nullptr) return;
  api.parts().suppressions->lift(
      order->address, [call, address = order->address](const Result<stage::RecordOutcome>& lifted) {
        if (!lifted) return call->answer(problem_of(lifted.error(), "remove it"));
        if (!lifted->changed) {
          return call->answer({.status = 404, .detail = "This address is not suppressed."});
        }
        answer_change(*call, address, "removed");
      });
}

}  // namespace tocsin::admin
