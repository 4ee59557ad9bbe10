#include "gateway/delivery/lane_policy.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

void add(Value::Map& map, std::string key, const Value& value) {
  map.push_back({std::move(key), value, {}});
}
template <typename T>
void add(Value::Map& map, std::string key, T data) {
  add(map, std::move(key), Value(Value::Data(std::move(data)), {}));
}

Value::Map defaults() {
  Value::Map map;
  add(map, "timeout", Duration(seconds(10)));
  add(map, "concurrency", std::int64_t{32});
  add(map, "on_ambiguous", std::string("hold"));
  add(map, "ordering", std::string("none"));
  return map;
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

TEST(LanePolicy, TheTablesDefaultsAreTheStandard) {
  const LanePolicy made = LanePolicy::make(Value(defaults(), {})).value();
  const LanePolicy standard = LanePolicy::standard();
  EXPECT_EQ(made.timeout, standard.timeout);
  EXPECT_EQ(made.concurrency, standard.concurrency);
  EXPECT_EQ(made.on_ambiguous, standard.on_ambiguous);
  EXPECT_EQ(made.ordered, standard.ordered);
  EXPECT_EQ(made.backoff.attempts_max(), standard.backoff.attempts_max());
  for (const Option& option : delivery_options().options) {
    if (option.key == "timeout") {
      EXPECT_EQ(option.default_text, format_duration(standard.timeout));
    }
    if (option.key == "concurrency") {
      EXPECT_EQ(option.default_text, std::to_string(standard.concurrency));
    }
  }
}

TEST(LanePolicy, ReadsTheRetryTable) {
  Value::Map map = defaults();
  add(map, "retry", retry(seconds(2), minutes(1)));
  add(map, "expires_after", Duration(minutes(9)));
  const LanePolicy made = LanePolicy::make(Value(std::move(map), {})).value();
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
  const LanePolicy made = LanePolicy::make(Value(std::move(map), {})).value();
  EXPECT_EQ(made.backoff.attempts_max(), 3U);
  EXPECT_EQ(made.backoff.wait(2, 0), minutes(5));
}

TEST(LanePolicy, RefusesRetryBesideScheduleAndACurveThatCannotWork) {
  Value::Map both = defaults();
  add(both, "retry", retry(seconds(2), minutes(1)));
  add(both, "schedule", Value::List{Value(Duration(seconds(5)), {})});
  EXPECT_EQ(LanePolicy::make(Value(std::move(both), {})).error().what,
            "retry and schedule exclude each other");
  Value::Map falling = defaults();
  add(falling, "retry", retry(minutes(2), minutes(1)));
  EXPECT_EQ(LanePolicy::make(Value(std::move(falling), {})).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace tocsin::delivery
