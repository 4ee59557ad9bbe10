#include "gateway/policy/shared_table.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;
using Outcome = SharedTable::Outcome;

constexpr MonoTime kStart = MonoTime(1h);

TableOptions one_shard(std::size_t entries_max) {
  TableOptions options;
  options.entries_max = entries_max;
  options.shards = 1;
  return options;
}

RateLimit limit_of(double per_second, std::uint32_t burst) {
  return *RateLimit::make(Rate{per_second, 1s}, burst);
}

std::string name_of(std::string_view prefix, int i) {
  return std::string(prefix) + std::to_string(i);
}

TEST(SharedTable, RefusesSettingsThatCannotWork) {
  EXPECT_TRUE(TableOptions{}.check());
  EXPECT_FALSE(TableOptions{.shards = 3}.check());
  EXPECT_FALSE(TableOptions{.shards = 0}.check());
  EXPECT_FALSE((TableOptions{.entries_max = 8, .shards = 16}).check());
  EXPECT_FALSE(TableOptions{.bytes_max = 1000}.check());
}

TEST(SharedTable, ReservesAKeyOnceAndShowsTheFirstOnesValue) {
  SharedTable table(one_shard(10));
  const auto first = table.add_if_absent("k", "order 17", kStart);
  ASSERT_EQ(first.outcome, Outcome::kDone);
  const auto second = table.add_if_absent("k", "order 18", kStart + 1s);
  EXPECT_EQ(second.outcome, Outcome::kPresent);
  EXPECT_FALSE(second.confirmed);
  EXPECT_EQ(second.value, "order 17");
}

TEST(SharedTable, KeepsAConfirmedMarkForItsWindow) {
  SharedTable table(one_shard(10));
  const auto reserved = table.add_if_absent("k", "v", kStart);
  EXPECT_TRUE(table.confirm("k", reserved.token, kStart + 1s, 5min));
  const auto again = table.add_if_absent("k", "v", kStart + 1s + 5min - 1ns);
  EXPECT_EQ(again.outcome, Outcome::kPresent);
  EXPECT_TRUE(again.confirmed);
  EXPECT_EQ(table.add_if_absent("k", "v", kStart + 1s + 5min).outcome, Outcome::kDone);
}

TEST(SharedTable, FreesAKeyThatWasUndone) {
  SharedTable table(one_shard(10));
  const auto reserved = table.add_if_absent("k", "v", kStart);
  EXPECT_TRUE(table.undo("k", reserved.token, kStart));
  EXPECT_FALSE(table.undo("k", reserved.token, kStart));
  EXPECT_EQ(table.add_if_absent("k", "v", kStart).outcome, Outcome::kDone);
}

TEST(SharedTable, DoesNotUndoAConfirmedMark) {
  SharedTable table(one_shard(10));
  const auto reserved = table.add_if_absent("k", "v", kStart);
  table.confirm("k", reserved.token, kStart, 1min);
  EXPECT_FALSE(table.undo("k", reserved.token, kStart));
  EXPECT_EQ(table.add_if_absent("k", "v", kStart).outcome, Outcome::kPresent);
}

TEST(SharedTable, LetsAReservationWithoutOutcomeLapse) {
  SharedTable table(one_shard(10));
  const auto lost = table.add_if_absent("k", "v", kStart);
  EXPECT_EQ(table.add_if_absent("k", "v", kStart + 30s - 1ns).outcome, Outcome::kPresent);
  const auto next = table.add_if_absent("k", "w", kStart + 30s);
  ASSERT_EQ(next.outcome, Outcome::kDone);
  EXPECT_FALSE(table.confirm("k", lost.token, kStart + 31s, 5min)) << "it is another's now";
  EXPECT_FALSE(table.undo("k", lost.token, kStart + 31s));
  EXPECT_TRUE(table.confirm("k", next.token, kStart + 31s, 5min));
  EXPECT_EQ(table.stats().lapsed, 1u);
}

TEST(SharedTable, LimitsEveryKeyOnItsOwn) {
  SharedTable table(one_shard(10));
  const RateLimit limit = limit_of(10, 2);
  EXPECT_TRUE(table.take("a", limit, kStart).decision.allowed);
  EXPECT_TRUE(table.take("a", limit, kStart).decision.allowed);
  const auto refused = table.take("a", limit, kStart);
  EXPECT_FALSE(refused.decision.allowed);
  EXPECT_EQ(refused.decision.retry_after, 100ms);
  EXPECT_TRUE(table.take("b", limit, kStart).decision.allowed);
  EXPECT_TRUE(table.take("a", limit, kStart + 100ms).decision.allowed);
}

TEST(SharedTable, ForgetsALimitOnceItsBurstIsWhole) {
  SharedTable table(one_shard(10));
  table.take("a", limit_of(10, 2), kStart);
  table.sweep(kStart + 100ms - 1ns, 8);
  EXPECT_EQ(table.stats().entries, 1u);
  table.sweep(kStart + 100ms, 8);
  EXPECT_EQ(table.stats().entries, 0u);
}

TEST(SharedTable, TracksNothingForACostThatSpendsNothing) {
  SharedTable table(one_shard(10));
  EXPECT_TRUE(table.take("a", limit_of(10, 2), kStart, 3).decision.never());
  EXPECT_EQ(table.take("a", limit_of(10, 2), kStart, 0).decision.remaining, 2u);
  EXPECT_EQ(table.stats().entries, 0u);
}

TEST(SharedTable, GetsWhatWasPutUntilItEnds) {
  SharedTable table(one_shard(10));
  EXPECT_FALSE(table.get("k", kStart));
  EXPECT_EQ(table.put("k", "one", kStart, 1min), Outcome::kDone);
  EXPECT_EQ(table.get("k", kStart + 1min - 1ns), "one");
  EXPECT_FALSE(table.get("k", kStart + 1min));
  table.put("k", "two", kStart, 1min);
  table.put("k", "three", kStart, 2min);
  EXPECT_EQ(table.get("k", kStart + 1min), "three");
  table.put("k", "", kStart, 0s);
  EXPECT_FALSE(table.get("k", kStart)) << "a ttl of zero removes";
}

TEST(SharedTable, CountsFromTheFirstAdditionOn) {
  SharedTable table(one_shard(10));
  EXPECT_EQ(table.incr("k", 0, kStart, 1min), 0);
  EXPECT_EQ(table.stats().entries, 0u);
  EXPECT_EQ(table.incr("k", 5, kStart, 1min), 5);
  EXPECT_EQ(table.incr("k", -2, kStart + 30s, 1min), 3);
  EXPECT_EQ(table.incr("k", 1, kStart + 1min, 1min), 1) << "later additions do not extend it";
}

TEST(SharedTable, SaturatesCountersInsteadOfWrapping) {
  SharedTable table(one_shard(10));
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  table.incr("up", kMost, kStart, 1min);
  EXPECT_EQ(table.incr("up", 1, kStart, 1min), kMost);
  table.incr("down", -kMost, kStart, 1min);
  EXPECT_EQ(table.incr("down", -100, kStart, 1min), std::numeric_limits<std::int64_t>::min());
}

TEST(SharedTable, KeepsTheFamiliesApart) {
  SharedTable table(one_shard(10));
  table.add_if_absent("k", "mark", kStart);
  table.put("k", "value", kStart, 1min);
  table.incr("k", 7, kStart, 1min);
  EXPECT_TRUE(table.take("k", limit_of(1, 1), kStart).decision.allowed);
  EXPECT_EQ(table.get("k", kStart), "value");
  EXPECT_EQ(table.incr("k", 0, kStart, 1min), 7);
  EXPECT_EQ(table.stats().entries, 4u);
}

TEST(SharedTable, RefusesNewMarksAndCountersWhenFull) {
  SharedTable table(one_shard(4));
  for (int i = 0; i < 3; ++i) table.add_if_absent(name_of("m", i), "", kStart);
  table.incr("c", 1, kStart, 1min);
  EXPECT_EQ(table.add_if_absent("flood", "", kStart).outcome, Outcome::kFull);
  EXPECT_FALSE(table.incr("flood", 1, kStart, 1min));
  EXPECT_EQ(table.incr("c", 1, kStart, 1min), 2) << "what is there goes on";
  EXPECT_EQ(table.add_if_absent("m0", "", kStart).outcome, Outcome::kPresent);
  EXPECT_EQ(table.stats().refused, 2u);
  EXPECT_EQ(table.add_if_absent("later", "", kStart + 30s).outcome, Outcome::kDone)
      << "room comes back with time";
}

TEST(SharedTable, KeepsAbusersWhenAFloodOfKeysDisplacesLimits) {
  SharedTable table(one_shard(100));
  const RateLimit limit = limit_of(1, 60);
  ASSERT_TRUE(table.take("abuser", limit, kStart, 60).decision.allowed);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(table.take(name_of("flood", i), limit, kStart).tracked);
  }
  EXPECT_FALSE(table.take("abuser", limit, kStart).decision.allowed);
  EXPECT_EQ(table.stats().displaced, 10'001u - 100u);
  EXPECT_EQ(table.stats().entries, 100u);
}

TEST(SharedTable, LetsUnknownKeysShareOneLimitWhenNothingMayGo) {
  SharedTable table(one_shard(2));
  table.add_if_absent("m1", "", kStart);
  table.add_if_absent("m2", "", kStart);
  const RateLimit limit = limit_of(1, 3);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) {
    const auto taken = table.take(name_of("flood", i), limit, kStart);
    EXPECT_FALSE(taken.tracked);
    allowed += taken.decision.allowed ? 1 : 0;
  }
  EXPECT_EQ(allowed, 3) << "a full table must not mean no limit";
  EXPECT_EQ(table.stats().untracked, 100u);
}

TEST(SharedTable, DisplacesTheValueThatEndsSoonest) {
  SharedTable table(one_shard(2));
  table.put("long", "1", kStart, 1h);
  table.put("short", "2", kStart, 1min);
  table.put("new", "3", kStart, 2min);
  EXPECT_FALSE(table.get("short", kStart));
  EXPECT_EQ(table.get("long", kStart), "1");
  EXPECT_EQ(table.get("new", kStart), "3");
}

TEST(SharedTable, DoesNotLetOneFamilyDisplaceAnother) {
  SharedTable table(one_shard(4));
  table.put("kept", "1", kStart, 1min);
  table.take("a", limit_of(1, 1), kStart);
  table.take("b", limit_of(1, 1), kStart);
  table.take("c", limit_of(1, 1), kStart);
  for (int i = 0; i < 100; ++i) table.take(name_of("flood", i), limit_of(1, 1), kStart);
  EXPECT_EQ(table.get("kept", kStart), "1");
}

TEST(SharedTable, StaysWithinItsBytes) {
  TableOptions options = one_shard(1000);
  options.bytes_max = 10'000;
  SharedTable table(options);
  for (int i = 0; i < 1000; ++i) {
    table.put(name_of("k", i), std::string(static_cast<std::size_t>(i), 'v'), kStart, 1min);
    ASSERT_LE(table.stats().bytes, 10'000u);
  }
  EXPECT_TRUE(table.get("k999", kStart));
  EXPECT_EQ(table.put("k999", std::string(10'000, 'v'), kStart, 1min), Outcome::kFull);
  EXPECT_FALSE(table.get("k999", kStart)) << "never the old value after a failed put";
  EXPECT_TRUE(table.get("k998", kStart)) << "and nothing else went for it";
}

TEST(SharedTable, RefusesOversizedKeysAndValues) {
  SharedTable table(one_shard(10));
  const std::string key(SharedTable::kKeyBytesMax + 1, 'k');
  const std::string value(SharedTable::kValueBytesMax + 1, 'v');
  EXPECT_EQ(table.add_if_absent(key, "", kStart).outcome, Outcome::kTooLarge);
  EXPECT_EQ(table.add_if_absent("k", value, kStart).outcome, Outcome::kTooLarge);
  EXPECT_EQ(table.put(key, "", kStart, 1min), Outcome::kTooLarge);
  EXPECT_EQ(table.put("k", value, kStart, 1min), Outcome::kTooLarge);
  EXPECT_FALSE(table.incr(key, 1, kStart, 1min));
  EXPECT_FALSE(table.take(key, limit_of(1, 1), kStart).tracked);
  EXPECT_FALSE(table.take(key, limit_of(1, 1), kStart).decision.allowed) << "limited all the same";
  EXPECT_EQ(table.stats().entries, 0u);
}

TEST(SharedTable, FreesEndedEntriesAFewAtATime) {
  SharedTable table(one_shard(1000));
  for (int i = 0; i < 1000; ++i) table.put(name_of("k", i), "", kStart, 1s);
  table.put("one", "", kStart + 2s, 1s);
  EXPECT_GT(table.stats().entries, 900u) << "no call pays for all of them";
  for (int i = 0; i < 2000; ++i) table.incr("other", 1, kStart + 2s, 1min);
  EXPECT_EQ(table.stats().entries, 2u) << "but every call pays a little";
  EXPECT_EQ(table.stats().ended, 1000u);
}

/// Everything the table promises, kept in plain maps without limits.
struct Model {
  struct Mark {
    std::uint64_t token;
    bool confirmed;
    std::string value;
    MonoTime ends_at;
  };
  std::map<std::string, Mark> marks;
  std::map<std::string, Gcra> limits;
  std::map<std::string, std::pair<std::string, MonoTime>> values;
  std::map<std::string, std::pair<std::int64_t, MonoTime>> counters;
};

void one_marks_step(SharedTable& table, Model& model, const std::string& key, MonoTime now,
                    std::mt19937_64& random) {
  const auto known = model.marks.find(key);
  const bool live = known != model.marks.end() && known->second.ends_at > now;
  const std::uint64_t token = known == model.marks.end() ? 0 : known->second.token;
  switch (random() % 3) {
    case 0: {
      const std::string value = std::to_string(random() % 1000);
      const auto reserved = table.add_if_absent(key, value, now);
      ASSERT_EQ(reserved.outcome, live ? Outcome::kPresent : Outcome::kDone);
      if (live) {
        ASSERT_EQ(reserved.value, known->second.value);
        ASSERT_EQ(reserved.confirmed, known->second.confirmed);
      } else {
        model.marks[key] = {reserved.token, false, value, now + 30s};
      }
      break;
    }
    case 1: {
      ASSERT_EQ(table.confirm(key, token, now, 60s), live);
      if (live) known->second.confirmed = true, known->second.ends_at = now + 60s;
      break;
    }
    default: {
      const bool undone = live && !known->second.confirmed;
      ASSERT_EQ(table.undo(key, token, now), undone);
      if (undone) model.marks.erase(known);
    }
  }
}

void one_step(SharedTable& table, Model& model, const std::string& key, MonoTime now,
              std::mt19937_64& random) {
  const Duration ttl(random() % 20'000'000'000);
  switch (random() % 5) {
    case 0: {
      const auto cost = static_cast<std::uint32_t>(random() % 4);
      const auto taken = table.take(key, limit_of(1, 3), now, cost);
      const auto expected =
          model.limits.try_emplace(key, limit_of(1, 3)).first->second.take(now, cost);
      ASSERT_TRUE(taken.tracked);
      ASSERT_EQ(taken.decision.allowed, expected.allowed);
      ASSERT_EQ(taken.decision.remaining, expected.remaining);
      ASSERT_EQ(taken.decision.retry_after, expected.retry_after);
      break;
    }
    case 1: {
      const auto known = model.values.find(key);
      const bool live = known != model.values.end() && known->second.second > now;
      ASSERT_EQ(table.get(key, now), live ? std::optional(known->second.first) : std::nullopt);
      break;
    }
    case 2: {
      const std::string value = std::to_string(random() % 1000);
      ASSERT_EQ(table.put(key, value, now, ttl), Outcome::kDone);
      model.values[key] = {value, now + ttl};
      break;
    }
    case 3: {
      auto& [sum, ends_at] = model.counters[key];
      if (ends_at <= now) sum = 0, ends_at = now + ttl;
      const auto by = static_cast<std::int64_t>(1 + random() % 9);
      sum += by;
      ASSERT_EQ(table.incr(key, by, now, ttl), sum);
      break;
    }
    default:
      one_marks_step(table, model, key, now, random);
  }
}

TEST(SharedTable, AgreesWithPlainMapsOnRandomUse) {
  for (std::size_t shards : {std::size_t{1}, std::size_t{16}}) {
    std::mt19937_64 random(11);
    TableOptions options;
    options.shards = shards;
    SharedTable table(options);
    Model model;
    MonoTime now = kStart;
    for (int i = 0; i < 60'000; ++i) {
      now += Duration(random() % 50'000'000);
      one_step(table, model, std::to_string(random() % 150), now, random);
      if (testing::Test::HasFatalFailure()) return;
    }
    const auto stats = table.stats();
    EXPECT_GT(stats.ended, 1000u);
    EXPECT_GT(stats.lapsed, 10u);
    EXPECT_EQ(stats.displaced + stats.refused + stats.untracked, 0u);
  }
}

TEST(SharedTable, NeverExceedsItsRoomUnderRandomPressure) {
  std::mt19937_64 random(12);
  TableOptions options = one_shard(50);
  options.bytes_max = 20'000;
  SharedTable table(options);
  MonoTime now = kStart;
  for (int i = 0; i < 60'000; ++i) {
    now += Duration(random() % 20'000'000);
    const std::string key = std::to_string(random() % 1000);
    switch (random() % 4) {
      case 0:
        table.add_if_absent(key, std::string(random() % 300, 'v'), now);
        break;
      case 1:
        table.put(key, std::string(random() % 3000, 'v'), now, Duration(random() % 5'000'000'000));
        break;
      case 2:
        table.incr(key, 1, now, 1s);
        break;
      default:
        table.take(key, limit_of(2, 5), now);
    }
    if (i % 16 != 0) continue;
    ASSERT_LE(table.stats().entries, 50u);
    ASSERT_LE(table.stats().bytes, 20'000u);
  }
  EXPECT_GT(table.stats().displaced, 100u);
  EXPECT_GT(table.stats().refused, 100u);
}

TEST(SharedTable, IsExactWhenManyThreadsWantTheSame) {
  constexpr int kThreads = 4;
  constexpr int kKeys = 64;
  constexpr int kRounds = 3000;
  SharedTable table(TableOptions{});
  std::array<std::atomic<int>, kKeys> allowed{};
  std::array<std::atomic<int>, kKeys> reserved{};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      for (int i = 0; i < kRounds; ++i) {
        const auto pick = static_cast<std::size_t>(i) % kKeys;
        const std::string key = name_of("k", static_cast<int>(pick));
        allowed[pick] += table.take(key, limit_of(1, 20), kStart).decision.allowed ? 1 : 0;
        const auto mark = table.add_if_absent(key, key, kStart);
        if (mark.outcome == Outcome::kDone && table.confirm(key, mark.token, kStart, 1min)) {
          ++reserved[pick];
        }
        table.incr(key, 1, kStart, 1min);
        table.put(key, key, kStart, 1min);
        EXPECT_EQ(table.get(key, kStart), key);
        if (random() % 64 == 0) table.sweep(kStart, 8);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t counted = 0;
  for (std::size_t i = 0; i < kKeys; ++i) {
    EXPECT_EQ(allowed[i], 20);
    EXPECT_EQ(reserved[i], 1);
    counted += *table.incr(name_of("k", static_cast<int>(i)), 0, kStart, 1min);
  }
  EXPECT_EQ(counted, kThreads * kRounds);
  EXPECT_EQ(table.stats().entries, 4u * kKeys);
}

TEST(SharedTable, StaysWithinItsRoomWhenManyThreadsFlood) {
  TableOptions options;
  options.entries_max = 160;
  SharedTable table(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        const std::string key = name_of("k", t * 10'000 + i);
        const MonoTime now = kStart + i * 1ms;
        table.take(key, limit_of(1, 5), now);
        table.put(key, key, now, 1s);
        table.add_if_absent(key, "", now, 50ms);
        if (i % 100 == 0) {
          EXPECT_LE(table.stats().entries, 160u);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(table.stats().entries, 160u);
  EXPECT_GT(table.stats().displaced, 0u);
}

}  // namespace
}  // namespace tocsin::policy
