#include "gateway/delivery/address_gates.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace tocsin::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime at(Duration since) { return MonoTime(std::chrono::hours(1) + since); }
constexpr MonoTime kStart = at(Duration::zero());

policy::RateLimit one_each(Duration interval) {
  return policy::RateLimit::make({.count = 1, .period = interval}, 1).value();
}

TEST(AddressGates, CloseOneAddressUntilItsTime) {
  AddressGates gates({1, 2});
  gates.close("a", at(seconds(10)), at(seconds(1)));
  EXPECT_EQ(gates.closed_for("a", at(seconds(4))), seconds(6));
  EXPECT_EQ(gates.wait_for("a", at(seconds(4)), true), seconds(6));
  EXPECT_EQ(gates.wait_for("b", at(seconds(4)), false), Duration::zero());
  EXPECT_EQ(gates.closed_for("a", at(seconds(10))), Duration::zero());
  gates.close("a", at(seconds(30)), at(seconds(20)));
  gates.close("a", at(seconds(25)), at(seconds(20)));
  EXPECT_EQ(gates.closed_for("a", at(seconds(20))), seconds(10));
}

TEST(AddressGates, LeaveAnAddressAloneLongerEachTimeItAsks) {
  AddressGates gates({1, 2});
  EXPECT_EQ(gates.on_throttled("a", kStart, kStart, 0), seconds(1));
  EXPECT_EQ(gates.on_throttled("a", at(seconds(1)), at(seconds(1)), 0), seconds(2));
  EXPECT_EQ(gates.on_throttled("b", at(seconds(1)), at(seconds(1)), 0), seconds(1));
  gates.on_served("a", at(seconds(3)), at(seconds(3)));
  EXPECT_EQ(gates.on_throttled("a", at(seconds(4)), at(seconds(4)), 0), seconds(1));
}

TEST(AddressGates, ForgetAThrottleOnceItsAddressWasLeftAloneLongEnough) {
  AddressGates gates({1, 2});
  for (int i = 0; i < 3; ++i) gates.on_throttled("a", at(seconds(i)), at(seconds(i)), 0);
  const Duration later = seconds(2 + 4) + AddressGates::kRememberThrottle;
  EXPECT_EQ(gates.on_throttled("a", at(later), at(later), 0), seconds(1));
}

TEST(AddressGates, ForgetTheOneThatOpensSoonestWhenThereAreTooMany) {
  AddressGates gates({1, 2});
  for (std::size_t i = 0; i < AddressGates::kAddressesMax + 1; ++i) {
    gates.close(std::to_string(i), at(seconds(100 + static_cast<int>(i))), kStart);
  }
  EXPECT_EQ(gates.size(), AddressGates::kAddressesMax);
  EXPECT_EQ(gates.closed_for("0", kStart), Duration::zero());
  EXPECT_GT(gates.closed_for("1", kStart), Duration::zero());
}

TEST(AddressGates, RememberNothingWithoutARateAndClosings) {
  AddressGates gates({1, 2});
  for (int i = 0; i < 100; ++i) gates.on_attempt(std::to_string(i), kStart);
  EXPECT_EQ(gates.size(), 0U);
}

TEST(AddressGates, PaceEachAddressByItself) {
  AddressGates gates({1, 2});
  gates.set_rate(one_each(minutes(1)));
  EXPECT_EQ(gates.wait_for("a", kStart, false), Duration::zero());
  gates.on_attempt("a", kStart);
  EXPECT_EQ(gates.wait_for("a", kStart, false), minutes(1));
  EXPECT_EQ(gates.wait_for("b", kStart, false), Duration::zero());
  EXPECT_EQ(gates.wait_for("a", at(seconds(59)), true), seconds(1));
  EXPECT_EQ(gates.wait_for("a", at(minutes(1)), true), Duration::zero());
}

TEST(AddressGates, GiveEachThatWaitsAnInstantOfItsOwn) {
  AddressGates gates({1, 2});
  gates.set_rate(one_each(seconds(10)));
  gates.on_attempt("a", kStart);
  EXPECT_EQ(gates.give_place("a", kStart, false), seconds(10));
  EXPECT_EQ(gates.give_place("a", kStart, false), seconds(20));
  EXPECT_EQ(gates.give_place("a", at(seconds(5)), false), seconds(25));
  // At its time the first may go, and whoever comes new stays behind those that wait.
  EXPECT_EQ(gates.wait_for("a", at(seconds(10)), true), Duration::zero());
  EXPECT_EQ(gates.wait_for("a", at(seconds(10)), false), seconds(30));
}

TEST(AddressGates, WhoIsALittleEarlyKeepsItsTurn) {
  AddressGates gates({1, 2});
  gates.set_rate(one_each(seconds(10)));
  gates.on_attempt("a", kStart);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(gates.give_place("a", kStart, false), seconds(10 * i));
  gates.on_attempt("a", at(seconds(12)));  // the first was late
  EXPECT_EQ(gates.give_place("a", at(seconds(20)), true), seconds(2));
  gates.close("a", at(minutes(1)), at(seconds(30)));
  EXPECT_EQ(gates.give_place("a", at(seconds(30)), true), seconds(30));
}

TEST(AddressGates, PlacesBeginWhereAClosingEnds) {
  AddressGates gates({1, 2});
  gates.set_rate(one_each(seconds(10)));
  gates.close("a", at(minutes(5)), kStart);
  EXPECT_EQ(gates.give_place("a", kStart, false), minutes(5));
  EXPECT_EQ(gates.give_place("a", kStart, false), minutes(5) + seconds(10));
}

TEST(AddressGates, WithoutARateAllComeBackWhenAClosingEnds) {
  AddressGates gates({1, 2});
  gates.close("a", at(minutes(5)), kStart);
  EXPECT_EQ(gates.give_place("a", kStart, false), minutes(5));
  EXPECT_EQ(gates.give_place("a", kStart, false), minutes(5));
}

// Everybody asks, waits for the place it was given and asks again: over any span no address sees
// more than its rate, everybody goes once, and nobody is sent away more than a few times.
TEST(AddressGates, ServeEverybodyWithinTheRateWhateverTheOrder) {
  std::mt19937_64 random(5);
  AddressGates gates({1, 2});
  gates.set_rate(one_each(milliseconds(100)));
  struct One {
    std::string address;
    bool waited = false;
    int turns = 0;
  };
  std::multimap<MonoTime, One> queue;
  for (int i = 0; i < 600; ++i) {
    queue.emplace(at(milliseconds(random() % 20'000)), One{std::to_string(random() % 3)});
  }
  std::map<std::string, std::vector<MonoTime>> begun;
  int turns_most = 0;
  while (!queue.empty()) {
    auto [now, one] = *queue.begin();
    queue.erase(queue.begin());
    if (gates.wait_for(one.address, now, one.waited) == Duration::zero()) {
      gates.on_attempt(one.address, now);
      begun[one.address].push_back(now);
      continue;
    }
    const Duration wait = gates.give_place(one.address, now, one.waited);
    ASSERT_GT(wait, Duration::zero());
    one.waited = true;
    turns_most = std::max(turns_most, ++one.turns);
    queue.emplace(now + wait, one);
  }
  std::size_t total = 0;
  for (const auto& [address, instants] : begun) {
    total += instants.size();
    for (std::size_t i = 1; i < instants.size(); ++i) {
      EXPECT_GE(instants[i] - instants[i - 1], milliseconds(100)) << address;
    }
  }
  EXPECT_EQ(total, 600U);
  EXPECT_LE(turns_most, 3);
}

}  // namespace
}  // namespace tocsin::delivery
