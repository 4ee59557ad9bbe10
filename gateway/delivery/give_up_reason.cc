// The store keeps why a delivery was given up as people read it. The word that metrics count it by
// is how the text begins, so nothing is stored twice, and rows of earlier releases have it too.

#include "gateway/delivery/give_up_reason.h"

#include <array>

namespace tocsin::delivery {

namespace {

struct Beginning {
  std::string_view text;
  GiveUpCause cause;
};

constexpr std::array<Beginning, kGiveUpCauses> kBeginnings = {{
    {"gave up after attempt ", GiveUpCause::kExhausted},
    {"rejected", GiveUpCause::kRejected},
    {"the target is gone", GiveUpCause::kTargetGone},
    {"ambiguous", GiveUpCause::kAmbiguous},
    {"unauthorized for this address", GiveUpCause::kUnauthorized},
    {"fault of the output", GiveUpCause::kInternal},
    {"expired", GiveUpCause::kExpired},
    {"crashed_gateway", GiveUpCause::kCrashed},
    {"cannot be read", GiveUpCause::kUnreadable},
    {"the breaker was not closed for ", GiveUpCause::kBreaker},
    {"suppressed", GiveUpCause::kSuppressed},
    {"bounced", GiveUpCause::kBounced},
}};

}  // namespace

std::optional<GiveUpCause> cause_of_reason(std::string_view reason) {
  for (const Beginning& beginning : kBeginnings) {
    if (reason.starts_with(beginning.text)) return beginning.cause;
  }
  return std::nullopt;
}

std::optional<GiveUpCause> parse_give_up_cause(std::string_view name) {
  for (std::size_t i = 0; i < kGiveUpCauses; ++i) {
    const auto cause = static_cast<GiveUpCause>(i);
    if (give_up_cause_name(cause) == name) return cause;
  }
  return std::nullopt;
}

}  // namespace tocsin::delivery
