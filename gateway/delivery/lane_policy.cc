#include "gateway/delivery/lane_policy.h"

#include <array>

namespace tocsin::delivery {

namespace {

using enum OptionType;
constexpr unsigned kReloadable = Option::kReloadable;

constexpr std::array<Option, 5> kRetryOptions = {{
    {.key = "max_attempts",
     .type = kInteger,
     .doc = "Attempts in all, the first included; then the delivery is a dead letter.",
     .default_text = "10",
     .flags = kReloadable,
     .min = "1",
     .max = "1000"},
    {.key = "initial",
     .type = kDuration,
     .doc = "The longest wait after the first failed attempt.",
     .default_text = "1s",
     .flags = kReloadable,
     .min = "1ms",
     .max = "1d"},
    {.key = "max",
     .type = kDuration,
     .doc = "The longest wait there is.",
     .default_text = "5m",
     .flags = kReloadable,
     .min = "1ms",
     .max = "7d"},
    {.key = "multiplier",
     .type = kNumber,
     .doc = "What the longest wait grows by from one attempt to the next.",
     .default_text = "2",
     .flags = kReloadable,
     .min = "1",
     .max = "100"},
    {.key = "jitter",
     .type = kChoice,
     .doc = "full: anywhere up to the longest wait, so that what failed together comes back apart. "
            "none: exactly the longest wait.",
     .default_text = "full",
     .flags = kReloadable,
     .choices = "full|none"},
}};
constexpr OptionTable kRetry = {"retry",
                                "How often and how far apart a failed delivery is tried again.",
                                kRetryOptions,
                                {},
                                {}};

constexpr Option kScheduleEntry = {
    .key = "", .type = kDuration, .doc = "A wait.", .min = "1ms", .max = "7d"};

constexpr std::array<Option, 7> kDeliveryOptions = {{
    {.key = "timeout",
     .type = kDuration,
     .doc = "How long one attempt may take.",
     .default_text = "10s",
     .flags = kReloadable,
     .min = "1ms",
     .max = "10m"},
    {.key = "concurrency",
     .type = kInteger,
     .doc = "How many attempts may run at a time.",
     .default_text = "32",
     .min = "1",
     .max = "1000"},
    {.key = "retry",
     .type = kTable,
     .doc = "Waits that grow from attempt to attempt.",
     .flags = kReloadable,
     .table = &kRetry},
    {.key = "schedule",
     .type = kList,
     .doc = "The waits after each failed attempt, written out, instead of retry: 5s, 5m, 30m, 2h "
            "are five attempts.",
     .flags = kReloadable,
     .min = "1",
     .max = "64",
     .element = &kScheduleEntry},
    {.key = "expires_after",
     .type = kDuration,
     .doc = "A delivery that is older is not tried any more and becomes a dead letter.",
     .flags = kReloadable,
     .min = "1s"},
    {.key = "ordering",
     .type = kChoice,
     .doc = "key: of the deliveries with one key the next begins when the one before it is "
            "delivered, dead, cancelled or fell back, however long that takes; each goes through "
            "the store. none: a retry lets others pass.",
     .default_text = "none",
     .flags = kReloadable,
     .choices = "none|key"},
    {.key = "on_ambiguous",
     .type = kChoice,
     .doc = "What to do when an attempt may have reached its target and the target cannot tell a "
            "repetition. hold: a dead letter, for people to decide. resend: try again.",
     .default_text = "hold",
     .flags = kReloadable,
     .choices = "hold|resend"},
}};
constexpr OptionTable kDelivery = {
    "delivery", "How an output's deliveries are paced and retried.", kDeliveryOptions, {}, {}};

policy::BackoffOptions backoff_options(const Value& settings) {
  policy::BackoffOptions options;
  if (const Value* retry = settings.find("retry")) {
    options.max_attempts = static_cast<std::uint32_t>(retry->integer("max_attempts"));
    options.initial = retry->duration("initial");
    options.max = retry->duration("max");
    options.multiplier = retry->at("multiplier").as<double>();
    options.jitter =
        retry->string("jitter") == "none" ? policy::Jitter::kNone : policy::Jitter::kFull;
  }
  if (const Value* schedule = settings.find("schedule")) {
    for (const Value& wait : schedule->as<Value::List>()) {
      options.schedule.push_back(wait.as<Duration>());
    }
  }
  return options;
}

}  // namespace

Result<LanePolicy> LanePolicy::make(const Value& settings) {
  if (settings.find("retry") != nullptr && settings.find("schedule") != nullptr) {
    return fail(Code::kInvalid, "retry and schedule exclude each other",
                settings.at("schedule").place().text());
  }
  auto backoff = policy::Backoff::make(backoff_options(settings));
  if (!backoff) return fail(Code::kInvalid, backoff.error().what, settings.place().text());
  LanePolicy made{.backoff = *std::move(backoff)};
  made.timeout = settings.duration("timeout");
  made.concurrency = static_cast<std::uint32_t>(settings.integer("concurrency"));
  if (const Value* after = settings.find("expires_after"))
    made.expires_after = after->as<Duration>();
  made.ordered = settings.string("ordering") == "key";
  if (settings.string("on_ambiguous") == "resend") made.on_ambiguous = OnAmbiguous::kResend;
  return made;
}

LanePolicy LanePolicy::standard() { return {.backoff = policy::Backoff::make({}).value()}; }

const OptionTable& delivery_options() { return kDelivery; }

}  // namespace tocsin::delivery
