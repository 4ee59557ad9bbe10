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

Planner::Planner(const Router& router, std::span<const stage::OutputTraits> outputs,
                 std::vector<stage::RouteScript*> scripts)
    : router_(router), scripts_(std::move(scripts)) {
  for (const stage::OutputTraits& traits : outputs) {
    destinations_.push_back({traits.address_kind, traits.has_own_address});
  }
}

Plan Planner::plan(Arena& arena, const message::Decoded& decoded, bool is_changed) {
  const message::Notification& notification = *decoded.notification;
  Plan plan;
  router_.route(notification, result_, scripts_);
  if (result_.outputs().empty()) return plan;
  std::size_t total = 0;
  for (std::size_t i = 0; i < result_.outputs().size(); ++i) {
    total += count(notification, i);
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

// A script's recipients stand instead of the notification's.
template <typename Take>
void Planner::each_recipient(const message::Notification& notification, std::size_t index,
                             Take&& take) const {
  const Destination& to = destinations_.at(result_.outputs()[index]);
  if (to.kind.empty()) return;
  const stage::RouteOpinion* opinion = result_.opinions()[index];
  if (opinion == nullptr || opinion->recipients.empty()) {
    for (const message::Recipient& recipient : notification.to) {
      if (recipient.kind == to.kind) take(recipient);
    }
    return;
  }
  for (const std::string_view text : opinion->recipients) {
    const std::size_t colon = text.find(':');
    if (text.substr(0, colon) == to.kind) take({to.kind, text.substr(colon + 1)});
  }
}

std::size_t Planner::count(const message::Notification& notification, std::size_t index) const {
  std::size_t found = 0;
  each_recipient(notification, index, [&found](const message::Recipient&) { ++found; });
  const bool has_own = destinations_[result_.outputs()[index]].has_own;
  return found > 0 ? found : static_cast<std::size_t>(has_own);
}

bool Planner::address(Arena& arena, const message::Notification& notification,
                      std::span<Planned> deliveries) const {
  std::size_t next = 0;
  bool is_full = false;
  for (std::size_t i = 0; i < result_.outputs().size(); ++i) {
    const std::uint32_t output = result_.outputs()[i];
    const stage::RouteOpinion* opinion = result_.opinions()[i];
    const Duration delay =
        opinion == nullptr ? Duration::zero() : opinion->delay.value_or(Duration::zero());
    const message::DeliveryClass queue =
        result_.priorities()[i].value_or(message::class_of(notification.level));
    const std::size_t first = next;
    each_recipient(notification, i, [&](const message::Recipient& recipient) {
      const std::optional<std::string_view> joined = join(arena, recipient);
      is_full = is_full || !joined;
      deliveries[next++] = {output, joined.value_or(std::string_view()), delay, queue};
    });
    if (is_full) return false;
    if (next == first && destinations_[output].has_own) {
      deliveries[next++] = {output, {}, delay, queue};
    }
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
