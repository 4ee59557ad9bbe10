#include "gateway/policy/token_bucket.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime(1h);

RateLimit limit_of(double per_second, std::uint32_t burst) {
  return *RateLimit::make(Rate{per_second, 1s}, burst);
}

TEST(TokenBucket, SpacesReservationsByTheRate) {
  TokenBucket bucket(limit_of(10, 1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bucket.reserve(kStart)->ready_at, kStart + i * 100ms);
}

TEST(TokenBucket, LetsABurstGoAtOnce) {
  TokenBucket bucket(limit_of(10, 3));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.reserve(kStart)->ready_at, kStart);
  EXPECT_EQ(bucket.reserve(kStart)->ready_at, kStart + 100ms);
}

TEST(TokenBucket, DoesNotSaveUpMoreThanTheBurst) {
  TokenBucket bucket(limit_of(10, 2));
  bucket.reserve(kStart);
  const MonoTime later = kStart + 1h;
  EXPECT_EQ(bucket.reserve(later)->ready_at, later);
  EXPECT_EQ(bucket.reserve(later)->ready_at, later);
  EXPECT_EQ(bucket.reserve(later)->ready_at, later + 100ms);
}

TEST(TokenBucket, MakesACostAboveTheBurstWaitInsteadOfFail) {
  TokenBucket bucket(limit_of(10, 2));
  EXPECT_EQ(bucket.reserve(kStart, 5)->ready_at, kStart + 300ms);
}

TEST(TokenBucket, GrantsNothingBeyondTheLongestWait) {
  TokenBucket bucket(limit_of(1, 1));
  EXPECT_TRUE(bucket.reserve(kStart, 1, 2s));
  EXPECT_TRUE(bucket.reserve(kStart, 1, 2s));
  EXPECT_TRUE(bucket.reserve(kStart, 1, 2s));
  EXPECT_FALSE(bucket.reserve(kStart, 1, 2s));
  EXPECT_EQ(bucket.next_at(kStart), kStart + 3s) << "a refusal reserves nothing";
  EXPECT_TRUE(bucket.reserve(kStart + 1s, 1, 2s));
}

TEST(TokenBucket, DoesNotOverflowAtAnyCost) {
  TokenBucket bucket(*RateLimit::make(Rate{1, 24h}, 3650));
  constexpr auto kHuge = std::numeric_limits<std::uint32_t>::max();
  EXPECT_FALSE(bucket.reserve(kStart, kHuge, Duration::max()));
  for (int i = 0; i < 10; ++i) bucket.reserve(kStart, 3650, Duration::max());
  EXPECT_FALSE(bucket.reserve(kStart, 3650, Duration::max())) << "ten years ahead is the end";
}

TEST(TokenBucket, TakesTheNewestReservationBackAsIfItHadNeverBeen) {
  TokenBucket bucket(limit_of(10, 1));
  bucket.reserve(kStart);
  const auto second = *bucket.reserve(kStart);
  const auto third = *bucket.reserve(kStart);
  EXPECT_TRUE(bucket.give_back(third));
  EXPECT_TRUE(bucket.give_back(second));
  EXPECT_EQ(bucket.reserve(kStart)->ready_at, second.ready_at);
}

TEST(TokenBucket, ForfeitsAReservationThatOthersStandBehind) {
  TokenBucket bucket(limit_of(10, 1));
  const auto first = *bucket.reserve(kStart);
  const auto second = *bucket.reserve(kStart);
  EXPECT_FALSE(bucket.give_back(first));
  EXPECT_EQ(bucket.reserve(kStart)->ready_at, second.ready_at + 100ms);
}

TEST(TokenBucket, TellsTheNextInstantWithoutReservingIt) {
  TokenBucket bucket(limit_of(10, 1));
  EXPECT_EQ(bucket.next_at(kStart), kStart);
  bucket.reserve(kStart);
  EXPECT_EQ(bucket.next_at(kStart), kStart + 100ms);
  EXPECT_EQ(bucket.next_at(kStart), kStart + 100ms);
  EXPECT_EQ(bucket.next_at(kStart + 1h), kStart + 1h);
}

TEST(TokenBucket, NeverStartsMoreThanBurstPlusRateWithinAnyWindow) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20; ++round) {
    const RateLimit limit = limit_of(9, 1 + static_cast<std::uint32_t>(random() % 6));
    TokenBucket bucket(limit);
    std::vector<TokenBucket::Reservation> kept;
    MonoTime now = kStart;
    for (int i = 0; i < 300; ++i) {
      now += Duration(random() % 250'000'000);
      ASSERT_LE(now, bucket.next_at(now));
      kept.push_back(*bucket.reserve(now));
      if (random() % 3 == 0 && bucket.give_back(kept.back())) kept.pop_back();
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (std::size_t j = i; j < kept.size(); ++j) {
        ASSERT_LE(kept[i].ready_at, kept[j].ready_at);
        ASSERT_LE(limit.interval * static_cast<std::int64_t>(j - i + 1),
                  limit.tolerance + (kept[j].ready_at - kept[i].ready_at));
      }
    }
  }
}

TEST(TokenBucket, GoesOnWithWhatAnotherHadSpent) {
  TokenBucket before(limit_of(10, 5));
  for (int i = 0; i < 5; ++i) before.reserve(kStart);
  EXPECT_EQ(before.spent(kStart + 100ms), 400ms);
  TokenBucket after(limit_of(10, 5));
  after.restore(before.spent(kStart + 100ms), kStart + 100ms);
  EXPECT_EQ(after.next_at(kStart + 100ms), before.next_at(kStart + 100ms));
  after.restore(Duration::zero(), kStart + 100ms);
  EXPECT_EQ(after.spent(kStart + 100ms), 400ms);
}

TEST(TokenBucket, IsNeverRestoredBeyondItsBurst) {
  TokenBucket bucket(limit_of(10, 5));
  bucket.restore(24h, kStart);
  EXPECT_EQ(bucket.spent(kStart), 500ms);
}

}  // namespace
}  // namespace tocsin::policy
