#include "gateway/http/connection_caps.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace tocsin::http {
namespace {

using Verdict = ConnectionCaps::Verdict;

event::Address::IpKey ip(std::uint64_t low) { return {0, low}; }

TEST(ConnectionCaps, LetsEverybodyInWithoutCaps) {
  ConnectionCaps caps(0, 0);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
  EXPECT_EQ(caps.open(), 1000U);
}

TEST(ConnectionCaps, CountsWhoCameBeforeACapWasSet) {
  ConnectionCaps caps(0, 0);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
  caps.set(0, 3);
  EXPECT_EQ(caps.admit(ip(1)), Verdict::kPerIpReached);
  EXPECT_EQ(caps.admit(ip(2)), Verdict::kAdmitted);
  caps.release(ip(1));
  EXPECT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
  caps.set(2, 0);
  EXPECT_EQ(caps.admit(ip(3)), Verdict::kTotalReached);
}

TEST(ConnectionCaps, CountsInAll) {
  ConnectionCaps caps(2, 0);
  EXPECT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
  EXPECT_EQ(caps.admit(ip(2)), Verdict::kAdmitted);
  EXPECT_EQ(caps.admit(ip(3)), Verdict::kTotalReached);
  caps.release(ip(1));
  EXPECT_EQ(caps.admit(ip(3)), Verdict::kAdmitted);
}

TEST(ConnectionCaps, CountsPerAddressAndLeavesTheTotalAlone) {
  ConnectionCaps caps(3, 1);
  EXPECT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(caps.admit(ip(1)), Verdict::kPerIpReached);
  EXPECT_EQ(caps.open(), 1U);
  EXPECT_EQ(caps.admit(ip(2)), Verdict::kAdmitted);
  caps.release(ip(1));
  EXPECT_EQ(caps.admit(ip(1)), Verdict::kAdmitted);
}

TEST(ConnectionCaps, NeverAdmitsMoreThanItsCapsFromManyThreads) {
  constexpr std::size_t kTotal = 20, kPerIp = 8;
  ConnectionCaps caps(kTotal, kPerIp);
  std::atomic<std::size_t> open{0}, broken{0};
  std::array<std::atomic<std::size_t>, 4> per_ip{};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<std::size_t> held;
      for (int i = 0; i < 20'000; ++i) {
        if (!held.empty() && random() % 2 == 0) {
          --open;
          --per_ip[held.back()];
          caps.release(ip(held.back()));
          held.pop_back();
        } else {
          const std::size_t who = random() % per_ip.size();
          if (caps.admit(ip(who)) != Verdict::kAdmitted) continue;
          if (++open > kTotal) ++broken;
          if (++per_ip[who] > kPerIp) ++broken;
          held.push_back(who);
        }
      }
      for (const std::size_t who : held) {
        --open;
        --per_ip[who];
        caps.release(ip(who));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(broken, 0U);
  EXPECT_EQ(caps.open(), 0U);
}

}  // namespace
}  // namespace tocsin::http
