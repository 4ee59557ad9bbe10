#include "gateway/routing/plan.h"

#include <algorithm>
#include <cstring>

#include "gateway/stage/emit.h"

namespace tocsin::routing {

namespace {

std::optional<std::string_view> join(Arena& arena, const message::Recipient& recipient) {
  const std::size_t size = recipient.kind.size() + 1 + recipient.value.size();
  auto* text = static_cast<char*>(arena.allocate(size, 1));
  if (text == nullptr) return std::nullopt;
  char* at = std::copy(recipient.kind.begin(), recipient.kind.end(), text);
  *at++ = ':';
  std::copy(recipient.value.begin(), recipient.value.end(), at);
  return std::string_view(text, size);
}

}  // namespace

Planner::Planner(const Router& router, std::span<const stage::OutputTraits> outputs)
    : router_(router) {
  for (const stage::OutputTraits& traits : outputs) {
    destinations_.push_back({traits.address_kind, traits.has_own_address});
  }
}

Plan Planner::plan(Arena& arena, const message::Decoded& decoded, bool is_changed) {
  const message::Notification& notification = *decoded.notification;
  Plan plan;
  router_.route(notification, result_);
  if (result_.outputs().empty()) return plan;
  std::size_t total = 0;
  for (const std::uint32_t output : result_.outputs()) {
    total += count(notification, destinations_.at(output));
    if (total > stage::kDeliveriesMax) break;
  }
  if (total == 0 || total > stage::kDeliveriesMax) {
    plan.kind = total == 0 ? Plan::Kind::kNoAddress : Plan::Kind::kTooMany;
    return plan;
  }
  const auto deliveries = arena.make_array<Planned>(total);
  const auto text = payload(arena, decoded, is_changed);
  if (!deliveries || !text || !address(arena, notification, *deliveries)) {
    plan.kind = Plan::Kind::kNoMemory;
    return plan;
  }
  plan.kind = Plan::Kind::kPlanned;
  plan.deliveries = *deliveries;
  plan.message = message::Message(std::move(arena).seal(), notification, *text);
  return plan;
}

std::size_t Planner::count(const message::Notification& notification, const Destination& to) const {
  std::size_t found = 0;
  if (!to.kind.empty()) {
    for (const message::Recipient& recipient : notification.to) found += recipient.kind == to.kind;
  }
  return found > 0 ? found : static_cast<std::size_t>(to.has_own);
}

bool Planner::address(Arena& arena, const message::Notification& notification,
                      std::span<Planned> deliveries) const {
  std::size_t next = 0;
  for (const std::uint32_t output : result_.outputs()) {
    const Destination& to = destinations_[output];
    const std::size_t first = next;
    for (const message::Recipient& recipient : notification.to) {
      if (to.kind.empty()) break;
      if (recipient.kind != to.kind) continue;
      const std::optional<std::string_view> joined = join(arena, recipient);
      if (!joined) return false;
      deliveries[next++] = {output, *joined};
    }
    if (next == first && to.has_own) deliveries[next++] = {output, {}};
  }
  TOCSIN_ASSERT(next == deliveries.size(), "deliveries were counted differently from made");
  return true;
}

// Encoding costs a third of decoding, so the received text is kept where it says the same.
std::optional<std::string_view> Planner::payload(Arena& arena, const message::Decoded& decoded,
                                                 bool is_changed) {
  if (!is_changed && decoded.received_is_payload) return decoded.received;
  text_.clear();
  message::encode_notification(*decoded.notification, writer_);
  return arena.copy(text_);
}

}  // namespace tocsin::routing
