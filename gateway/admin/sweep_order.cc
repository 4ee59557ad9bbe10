#include "gateway/admin/sweep_order.h"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/admin/body.h"
#include "gateway/base/units.h"

namespace tocsin::admin {

namespace {

constexpr std::array<std::string_view, 14> kNames = {
    "ids",           "output",         "reason",         "topic",
    "address",       "review",         "accepted_after", "accepted_before",
    "updated_after", "updated_before", "limit",          "before",
    "rate",          "dry_run"};

using Refused = std::optional<Problem>;

Refused read_ids(const Value& value, SweepOrder& order) {
  if (!value.is<Value::List>() || value.as<Value::List>().empty() ||
      value.as<Value::List>().size() > SweepOrder::kIdsMax) {
    return wrong("/ids", "A list of 1 to 1000 deliveries' ids is expected.");
  }
  for (const Value& one : value.as<Value::List>()) {
    const auto id =
        one.is<std::string>() ? message::DeliveryId::parse(one.as<std::string>()) : std::nullopt;
    if (!id || std::ranges::find(order.ids, *id) != order.ids.end()) {
      return wrong("/ids/" + std::to_string(order.ids.size()),
                   id ? "This id is there twice." : "A delivery's id is expected.");
    }
    order.ids.push_back(*id);
  }
  return std::nullopt;
}

Refused read_limit(const Value& value, SweepOrder& order) {
  order.limit = value.is<std::int64_t>() ? value.as<std::int64_t>() : 0;
  if (order.limit >= 1 && order.limit <= SweepOrder::kLettersMax) return std::nullopt;
  return wrong("/limit", "A number from 1 to 10000 is expected.");
}

Refused read_before(const Value& value, SweepOrder& order) {
  if (value.is<std::string>()) order.before = message::DeliveryId::parse(value.as<std::string>());
  return order.before ? std::nullopt : Refused(wrong("/before", "A delivery's id is expected."));
}

Refused read_rate(const Value& value, SweepOrder& order) {
  const auto rate = value.is<std::string>() ? parse_rate(value.as<std::string>())
                                            : fail(Code::kInvalid, "a rate such as 50/s");
  if (!rate) return wrong("/rate", "This is no rate: " + rate.error().what + ".");
  order.per_second = rate->per_second();
  if (*order.per_second >= SweepOrder::kPerSecondMin &&
      *order.per_second <= SweepOrder::kPerSecondMax) {
    return std::nullopt;
  }
  return wrong("/rate", "It is from 1/10s to 10000/s.");
}

Refused read_dry_run(const Value& value, SweepOrder& order) {
  if (!value.is<bool>()) return wrong("/dry_run", "true or false is expected.");
  order.dry_run = value.as<bool>();
  return std::nullopt;
}

Refused read_filter(const Value::Entry& member, WallTime now, SweepOrder& order) {
  const std::string pointer = pointer_to(member.key);
  if (!member.value.is<std::string>()) return wrong(pointer, "A string is expected.");
  const auto set = order.filter.set(member.key, member.value.as<std::string>(), now);
  if (!set) return wrong(pointer, "Expected is " + set.error().what + ".");
  if (order.filter.review == message::ReviewState::kDiscarded) {
    return wrong(pointer, "Discarded ones are changed by their ids alone.");
  }
  return std::nullopt;
}

Refused read_member(const Value::Entry& member, WallTime now, SweepOrder& order) {
  if (member.key == "ids") return read_ids(member.value, order);
  if (member.key == "limit") return read_limit(member.value, order);
  if (member.key == "before") return read_before(member.value, order);
  if (member.key == "rate") return read_rate(member.value, order);
  if (member.key == "dry_run") return read_dry_run(member.value, order);
  return read_filter(member, now, order);
}

}  // namespace

tl::expected<SweepOrder, Problem> read_sweep_order(stage::Review::Verb verb, std::string_view body,
                                                   WallTime now) {
  const auto document = read_body(body, kNames);
  if (!document) return tl::unexpected(document.error());
  SweepOrder order;
  order.verb = verb;
  for (const Value::Entry& member : document->as<Value::Map>()) {
    if (auto problem = read_member(member, now, order)) return tl::unexpected(std::move(*problem));
  }
  if (order.ids.empty() && order.filter.empty()) {
    return tl::unexpected(
        wrong("",
              "Which ones? \"ids\", or at least one of output, reason, topic, address, review, "
              "accepted_after, accepted_before, updated_after and updated_before."));
  }
  if (!order.ids.empty() && (!order.filter.empty() || order.before)) {
    return tl::unexpected(wrong("/ids", "Ids stand alone, without a filter."));
  }
  return order;
}

}  // namespace tocsin::admin
