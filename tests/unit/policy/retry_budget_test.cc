#include "gateway/policy/retry_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime(1h);

int grants(RetryBudget& budget, MonoTime now) {
  int count = 0;
  while (count < 10'000 && budget.try_retry(now)) ++count;
  return count;
}

TEST(RetryBudget, RefusesSettingsThatCannotWork) {
  EXPECT_FALSE(RetryBudgetOptions{.share = -0.1}.check());
  EXPECT_FALSE(RetryBudgetOptions{.window = 0s}.check());
  EXPECT_TRUE(RetryBudgetOptions{}.check());
}

TEST(RetryBudget, GrantsTheMinimumWithoutTraffic) {
  RetryBudget budget({.share = 0.2, .retries_min = 3});
  EXPECT_EQ(grants(budget, kStart), 3);
}

TEST(RetryBudget, GrantsItsShareOfTheTraffic) {
  RetryBudget budget({.share = 0.2, .retries_min = 3});
  for (int i = 0; i < 1000; ++i) budget.on_request(kStart);
  EXPECT_EQ(budget.remaining(kStart), 200u);
  EXPECT_EQ(grants(budget, kStart), 200);
}

TEST(RetryBudget, ForgetsWhatIsOlderThanItsWindow) {
  RetryBudget budget({.share = 0.5, .retries_min = 1, .window = 10s});
  for (int i = 0; i < 100; ++i) budget.on_request(kStart);
  EXPECT_EQ(grants(budget, kStart), 50);
  EXPECT_EQ(grants(budget, kStart + 9s), 0);
  EXPECT_EQ(grants(budget, kStart + 10s), 1) << "both the traffic and the retries are forgotten";
}

TEST(RetryBudget, GrantsAgainWhatWasGivenBack) {
  RetryBudget budget({.share = 0.2, .retries_min = 3});
  EXPECT_EQ(grants(budget, kStart), 3);
  budget.give_back(kStart + 1s);
  budget.give_back(kStart + 1s);
  EXPECT_EQ(grants(budget, kStart + 1s), 2);
}

TEST(RetryBudget, WhatIsGivenBackLateComesOnTopOfTheMinimum) {
  RetryBudget budget({.share = 0.2, .retries_min = 3, .window = 10s});
  EXPECT_EQ(grants(budget, kStart), 3);
  for (int i = 0; i < 3; ++i) budget.give_back(kStart + 9s);
  EXPECT_EQ(grants(budget, kStart + 10s), 6) << "three, and the three that were worth it";
  EXPECT_EQ(grants(budget, kStart + 11s), 0);
}

TEST(RetryBudget, KeepsItsWindowWhenOnlyTheShareChanges) {
  RetryBudget budget({.share = 0.1, .retries_min = 0});
  for (int i = 0; i < 100; ++i) budget.on_request(kStart);
  budget.set_options({.share = 0.3, .retries_min = 0});
  EXPECT_EQ(budget.remaining(kStart), 30u);
}

TEST(RetryBudget, AgreesWithAListOfEverythingThatHappened) {
  std::mt19937_64 random(6);
  RetryBudget budget({.share = 0.2, .retries_min = 2, .window = 10s});
  std::vector<std::int64_t> requests;
  std::vector<std::int64_t> retries;
  MonoTime now = kStart;
  int granted_count = 0;
  for (int i = 0; i < 5000; ++i) {
    now += Duration(random() % 300'000'000);
    if (random() % 500 == 0) now += 25s;
    const std::int64_t second = now.time_since_epoch() / 1s;
    const auto recent = [&](const std::vector<std::int64_t>& all) {
      return std::count_if(all.begin(), all.end(), [&](auto s) { return s > second - 10; });
    };
    if (random() % 2 == 0) {
      budget.on_request(now);
      requests.push_back(second);
      continue;
    }
    const auto share = static_cast<std::int64_t>(0.2 * static_cast<double>(recent(requests)));
    const bool expected = recent(retries) < std::max<std::int64_t>(2, share);
    ASSERT_EQ(budget.try_retry(now), expected) << "step " << i;
    if (expected) retries.push_back(second), ++granted_count;
  }
  EXPECT_GT(granted_count, 100);
}

}  // namespace
}  // namespace tocsin::policy
