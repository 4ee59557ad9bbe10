#include "gateway/delivery/lane_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tocsin::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

void add(Value::Map& map, std::string key, const Value& value) {
  map.push_back({std::move(key), value, {}});
}
template <typename T>
void add(Value::Map& map, std::string key, T data) {
  add(map, std::move(key), Value(Value::Data(std::move(data)), {}));
}

Value::Map concurrency(std::int64_t max) {
  Value::Map map;
  add(map, "max", max);
  return map;
}

Value::Map breaker(bool enabled = true) {
  Value::Map map;
  add(map, "enabled", enabled);
  add(map, "window", Duration(seconds(10)));
  add(map, "min_calls", std::int64_t{20});
  add(map, "failure_rate", 0.5);
  add(map, "slow_rate", 1.0);
  add(map, "open_for", Duration(seconds(30)));
  add(map, "max_open_for", Duration(minutes(5)));
  add(map, "half_open_calls", std::int64_t{3});
  return map;
}

Value::Map budget(bool enabled = true) {
  Value::Map map;
  add(map, "enabled", enabled);
  add(map, "share", 0.5);
  add(map, "min", std::int64_t{100});
  add(map, "window", Duration(seconds(10)));
  return map;
}

Value::Map defaults(Value::Map of_breaker = breaker(), Value::Map of_budget = budget(),
                    Value::Map of_concurrency = concurrency(32)) {
  Value::Map map;
  add(map, "timeout", Duration(seconds(10)));
  add(map, "concurrency", std::move(of_concurrency));
  add(map, "retry_budget", std::move(of_budget));
  add(map, "breaker", std::move(of_breaker));
  add(map, "on_ambiguous", std::string("hold"));
  add(map, "ordering", std::string("none"));
  return map;
}

LanePolicy made_of(Value::Map settings) {
  return LanePolicy::make(Value(std::move(settings), {})).value();
}
LanePolicyFault fault_of(Value::Map settings) {
  return LanePolicy::make(Value(std::move(settings), {})).error();
}

Value retry(Duration initial, Duration max) {
  Value::Map map;
  add(map, "max_attempts", std::int64_t{4});
  add(map, "initial", initial);
  add(map, "max", max);
  add(map, "multiplier", 3.0);
  add(map, "jitter", std::string("none"));
  return {std::move(map), {}};
}

const Option& option(const OptionTable& table, std::string_view key) {
  return *std::ranges::find(table.options, key, &Option::key);
}

TEST(LanePolicy, TheTablesDefaultsAreTheStandard) {
  const LanePolicy made = made_of(defaults());
  const LanePolicy standard = LanePolicy::standard();
  EXPECT_EQ(made.timeout, standard.timeout);
  EXPECT_EQ(made.concurrency, standard.concurrency);
  EXPECT_EQ(made.on_ambiguous, standard.on_ambiguous);
  EXPECT_EQ(made.ordered, standard.ordered);
  EXPECT_EQ(made.backoff.attempts_max(), standard.backoff.attempts_max());
  const OptionTable& table = delivery_options();
  const auto text = [](const OptionTable& of, std::string_view key) {
    return option(of, key).default_text;
  };
  EXPECT_EQ(text(table, "timeout"), format_duration(standard.timeout));
  EXPECT_EQ(text(*option(table, "concurrency").table, "max"), std::to_string(standard.concurrency));
  const OptionTable& breaker_table = *option(table, "breaker").table;
  const policy::BreakerOptions& breaker = standard.breaker.value();
  EXPECT_EQ(text(breaker_table, "window"), format_duration(breaker.window));
  EXPECT_EQ(text(breaker_table, "min_calls"), std::to_string(breaker.min_calls));
  EXPECT_EQ(text(breaker_table, "open_for"), format_duration(breaker.open_for));
  EXPECT_EQ(text(breaker_table, "max_open_for"), format_duration(breaker.open_for_max));
  EXPECT_EQ(text(breaker_table, "half_open_calls"), std::to_string(breaker.half_open_calls));
  const OptionTable& budget_table = *option(table, "retry_budget").table;
  EXPECT_EQ(text(budget_table, "min"), std::to_string(standard.retry_budget->retries_min));
  EXPECT_EQ(text(budget_table, "window"), format_duration(standard.retry_budget->window));
}

TEST(LanePolicy, ARateIsSpacedEvenlyButForWhatTimersCannotTellApart) {
  Value::Map map = defaults();
  add(map, "rate", Rate{.count = 50});
  add(map, "rate_per_address", Rate{.count = 2000});
  const LanePolicy made = made_of(std::move(map));
  EXPECT_EQ(made.rate.value().burst, 1U);
  EXPECT_EQ(made.rate->interval, milliseconds(20));
  EXPECT_EQ(made.rate_per_address.value().burst, 20U);
}

TEST(LanePolicy, ConcurrencyFollowsTheReceiverWhenItHasALowerEnd) {
  Value::Map limits = concurrency(64);
  add(limits, "min", std::int64_t{2});
  const LanePolicy made = made_of(defaults(breaker(), budget(), limits));
  EXPECT_TRUE(made.concurrency_options().adaptive);
  EXPECT_EQ(made.concurrency_options().min, 2U);
  EXPECT_EQ(made.concurrency_options().max, 64U);
  EXPECT_FALSE(LanePolicy::standard().concurrency_options().adaptive);
  Value::Map crossed = concurrency(4);
  add(crossed, "min", std::int64_t{5});
  EXPECT_EQ(fault_of(defaults(breaker(), budget(), crossed)).key, "concurrency.min");
}

TEST(LanePolicy, WhatIsSwitchedOffStaysBuiltAndStandsStill) {
  const LanePolicy made = made_of(defaults(breaker(false), budget(false)));
  EXPECT_FALSE(made.breaker);
  EXPECT_FALSE(made.retry_budget);
  EXPECT_TRUE(made.breaker_options().check());
  EXPECT_GT(made.breaker_options().failure_rate, 1.0);
  EXPECT_TRUE(made.retry_budget_options().check());
}

TEST(LanePolicy, RefusesABreakerThatCouldNotWork) {
  Value::Map never = breaker();
  add(never, "window_calls", std::int64_t{10});
  EXPECT_EQ(fault_of(defaults(never)).key, "breaker.window_calls");
  Value::Map longer = breaker();
  std::ranges::find(longer, "open_for", &Value::Entry::key)->value =
      Value(Duration(minutes(6)), Place{});
  EXPECT_EQ(fault_of(defaults(longer)).what, "it is longer than max_open_for, which is 5m");
}

TEST(LanePolicy, ReadsTheFallbackAndRefusesATimeWithoutOne) {
  Value::Map map = defaults();
  add(map, "fallback_after", Duration(minutes(10)));
  EXPECT_EQ(fault_of(map).key, "fallback_after");
  add(map, "fallback", std::string("mail"));
  const LanePolicy made = made_of(map);
  EXPECT_EQ(made.fallback.output, "mail");
  EXPECT_EQ(made.fallback.after, minutes(10));
}

TEST(LanePolicy, ReadsTheRetryTable) {
  Value::Map map = defaults();
  add(map, "retry", retry(seconds(2), minutes(1)));
  add(map, "expires_after", Duration(minutes(9)));
  const LanePolicy made = made_of(std::move(map));
  EXPECT_EQ(made.backoff.attempts_max(), 4U);
  EXPECT_EQ(made.backoff.wait(2, 0), seconds(6));
  EXPECT_EQ(made.expires_after, minutes(9));
}

TEST(LanePolicy, ReadsAWrittenSchedule) {
  Value::Map map = defaults();
  Value::List waits;
  waits.emplace_back(Duration(seconds(5)), Place{});
  waits.emplace_back(Duration(minutes(5)), Place{});
  add(map, "schedule", std::move(waits));
  const LanePolicy made = made_of(std::move(map));
  EXPECT_EQ(made.backoff.attempts_max(), 3U);
  EXPECT_EQ(made.backoff.wait(2, 0), minutes(5));
}

TEST(LanePolicy, RefusesRetryBesideScheduleAndACurveThatCannotWork) {
  Value::Map both = defaults();
  add(both, "retry", retry(seconds(2), minutes(1)));
  add(both, "schedule", Value::List{Value(Duration(seconds(5)), {})});
  EXPECT_EQ(fault_of(std::move(both)).what, "retry and schedule exclude each other");
  Value::Map falling = defaults();
  add(falling, "retry", retry(minutes(2), minutes(1)));
  EXPECT_EQ(fault_of(std::move(falling)).key, "retry.initial");
}

}  // namespace
}  // namespace tocsin::delivery
