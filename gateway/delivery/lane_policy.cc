#include "gateway/delivery/lane_policy.h"

#include <algorithm>

namespace tocsin::delivery {

namespace {

using Fault = LanePolicyFault;

// Nothing opens a breaker that is off but an operator, and no retry waits for a budget that is.
constexpr double kNeverOpens = 2.0;
constexpr std::uint32_t kRetriesUnbounded = 1U << 31U;
constexpr std::uint32_t kLimitInitial = 8;  // of an adaptive concurrency

tl::unexpected<Fault> fault(const Value& at, std::string key, std::string what) {
  return tl::unexpected(Fault{at.place(), std::move(key), std::move(what)});
}

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

// Said at the one of the two that somebody wrote.
tl::unexpected<Fault> shorter_than_initial(const Value& retry,
                                           const policy::BackoffOptions& options) {
  if (retry.at("max").place().file != nullptr) {
    return fault(retry.at("max"), "retry.max",
                 "it is shorter than initial, which is " + format_duration(options.initial));
  }
  return fault(retry.at("initial"), "retry.initial",
               "it is longer than max, which is " + format_duration(options.max));
}

/// Fills a policy, one setting after the other, until one cannot work.
class Reader {
 public:
  Reader(const Value& settings, LanePolicy& made) : settings_(settings), made_(made) {}

  tl::expected<void, Fault> read() {
    made_.timeout = settings_.duration("timeout");
    if (const Value* after = settings_.find("expires_after")) {
      made_.expires_after = after->as<Duration>();
    }
    made_.ordered = settings_.string("ordering") == "key";
    if (settings_.string("on_ambiguous") == "resend") made_.on_ambiguous = OnAmbiguous::kResend;
    return concurrency()
        .and_then([this] { return rate("rate", made_.rate); })
        .and_then([this] { return rate("rate_per_address", made_.rate_per_address); })
        .and_then([this] { return retry_budget(); })
        .and_then([this] { return breaker(); })
        .and_then([this] { return fallback(); });
  }

 private:
  static std::uint32_t count(const Value& of, std::string_view key) {
    return static_cast<std::uint32_t>(of.integer(key));
  }

  tl::expected<void, Fault> concurrency() {
    const Value& limits = settings_.at("concurrency");
    made_.concurrency = count(limits, "max");
    const Value* min = limits.find("min");
    if (min == nullptr) return {};
    made_.concurrency_min = count(limits, "min");
    if (*made_.concurrency_min <= made_.concurrency) return {};
    return fault(*min, "concurrency.min",
                 "min is above max, which is " + std::to_string(made_.concurrency));
  }

  tl::expected<void, Fault> rate(std::string_view key, std::optional<policy::RateLimit>& limit) {
    const Value* written = settings_.find(key);
    if (written == nullptr) return {};
    const auto asked = written->as<Rate>();
    const double at_once =
        asked.per_second() * std::chrono::duration<double>(LanePolicy::kBurstSpan).count();
    const double burst = std::clamp(at_once, 1.0, 1e6);
    auto made = policy::RateLimit::make(asked, static_cast<std::uint32_t>(burst));
    if (!made) return fault(*written, std::string(key), made.error().what);
    limit = *made;
    return {};
  }

  tl::expected<void, Fault> retry_budget() {
    const Value& budget = settings_.at("retry_budget");
    made_.retry_budget.reset();
    if (!budget.boolean("enabled")) return {};
    made_.retry_budget = {.share = budget.at("share").as<double>(),
                          .retries_min = count(budget, "min"),
                          .window = budget.duration("window")};
    return {};
  }

  tl::expected<void, Fault> breaker() {
    const Value& breaker = settings_.at("breaker");
    policy::BreakerOptions options;
    options.window = breaker.duration("window");
    options.min_calls = count(breaker, "min_calls");
    options.failure_rate = breaker.at("failure_rate").as<double>();
    options.slow_rate = breaker.at("slow_rate").as<double>();
    options.open_for = breaker.duration("open_for");
    options.open_for_max = breaker.duration("max_open_for");
    options.half_open_calls = count(breaker, "half_open_calls");
    if (const Value* slow = breaker.find("slow_call")) options.slow_call = slow->as<Duration>();
    if (options.open_for_max < options.open_for) {
      return fault(
          breaker.at("open_for"), "breaker.open_for",
          "it is longer than max_open_for, which is " + format_duration(options.open_for_max));
    }
    if (const Value* calls = breaker.find("window_calls")) {
      options.window_calls = count(breaker, "window_calls");
      if (breaker.at("window").place().file != nullptr) {
        return fault(*calls, "breaker.window_calls", "window and window_calls exclude each other");
      }
      if (options.window_calls < options.min_calls) {
        return fault(*calls, "breaker.window_calls",
                     "a window of fewer calls than min_calls, which is " +
                         std::to_string(options.min_calls) + ", would never open it");
      }
    }
    made_.breaker.reset();
    if (breaker.boolean("enabled")) made_.breaker = options;
    return {};
  }

  tl::expected<void, Fault> fallback() {
    if (const Value* output = settings_.find("fallback")) {
      made_.fallback.output = output->as<std::string>();
    }
    const Value* after = settings_.find("fallback_after");
    if (after == nullptr) return {};
    made_.fallback.after = after->as<Duration>();
    if (!made_.fallback.output.empty()) return {};
    return fault(*after, "fallback_after", "there is no fallback that it could be for");
  }

  const Value& settings_;
  LanePolicy& made_;
};

}  // namespace

tl::expected<LanePolicy, LanePolicyFault> LanePolicy::make(const Value& settings) {
  const Value* schedule = settings.find("schedule");
  if (schedule != nullptr && settings.find("retry") != nullptr) {
    return fault(*schedule, "schedule", "retry and schedule exclude each other");
  }
  const policy::BackoffOptions options = backoff_options(settings);
  if (options.max < options.initial) return shorter_than_initial(settings.at("retry"), options);
  auto backoff = policy::Backoff::make(options);
  if (!backoff) return fault(settings.at("retry"), "retry", backoff.error().what);
  LanePolicy made{.backoff = *std::move(backoff)};
  if (auto read = Reader(settings, made).read(); !read) return tl::unexpected(read.error());
  return made;
}

LanePolicy LanePolicy::standard() { return {.backoff = policy::Backoff::make({}).value()}; }

policy::ConcurrencyOptions LanePolicy::concurrency_options() const {
  policy::ConcurrencyOptions options{.max = concurrency};
  if (!concurrency_min) return options;
  options.adaptive = true;
  options.min = *concurrency_min;
  options.initial = std::clamp(kLimitInitial, options.min, options.max);
  return options;
}

policy::RetryBudgetOptions LanePolicy::retry_budget_options() const {
  return retry_budget.value_or(policy::RetryBudgetOptions{.retries_min = kRetriesUnbounded});
}

policy::BreakerOptions LanePolicy::breaker_options() const {
  if (breaker) return *breaker;
  return {.failure_rate = kNeverOpens};
}

}  // namespace tocsin::delivery
