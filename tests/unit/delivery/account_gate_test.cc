#include "gateway/delivery/account_gate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tocsin::delivery {
namespace {

using std::chrono::seconds;

TEST(AccountGate, IsSharedByOutputsOfOneTypeAndAccount) {
  AccountGates gates;
  const auto one = gates.find("slack", "T1");
  EXPECT_EQ(gates.find("slack", "T1"), one);
  EXPECT_NE(gates.find("slack", "T2"), one);
  EXPECT_NE(gates.find("sms", "T1"), one);
  EXPECT_EQ(gates.find("slack", ""), nullptr);
}

TEST(AccountGate, IsForgottenWithItsLastOutput) {
  AccountGates gates;
  const auto kept = gates.find("slack", "T1");
  for (int i = 0; i < 100; ++i) gates.find("slack", std::to_string(i));
  EXPECT_LE(gates.size(), 2U);
  EXPECT_EQ(gates.find("slack", "T1"), kept);
}

TEST(AccountGate, TheLongestClosingStaysWhoeverCloses) {
  AccountGate gate;
  EXPECT_EQ(gate.opens_at(), MonoTime());
  std::vector<std::thread> loops;
  for (int i = 0; i < 4; ++i) {
    loops.emplace_back([&gate, i] {
      for (int j = 0; j < 1000; ++j) gate.close(MonoTime(seconds((j * 7 + i) % 1000)));
    });
  }
  for (std::thread& loop : loops) loop.join();
  EXPECT_EQ(gate.opens_at(), MonoTime(seconds(999)));
  gate.close(MonoTime(seconds(5)));
  EXPECT_EQ(gate.opens_at(), MonoTime(seconds(999)));
}

// One account is one bucket at its provider, whichever of its outputs it answers.
TEST(AccountGate, StepsOverAllItsOutputs) {
  AccountGate gate;
  EXPECT_EQ(gate.on_throttled(MonoTime(seconds(1)), MonoTime(seconds(2)), 0), seconds(1));
  EXPECT_EQ(gate.on_throttled(MonoTime(seconds(3)), MonoTime(seconds(4)), 0), seconds(2));
  gate.on_served(MonoTime(seconds(6)));
  EXPECT_EQ(gate.on_throttled(MonoTime(seconds(6)), MonoTime(seconds(7)), 0), seconds(1));
}

}  // namespace
}  // namespace tocsin::delivery
