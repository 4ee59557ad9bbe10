#include "gateway/message/delivery.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/message/verdict.h"

namespace tocsin::message {
namespace {

// Every pair of state and event: rows are states, columns events, both in the order of their
// numbers; a letter is the state that follows (its initial, X for cancelled, F for fell back).
//                                    claim mark keep release resched deliver die cancel fallback
//                                    takeover redrive
constexpr std::string_view kExpected[kDeliveryStates] = {
    "C....DKX...",  // ready
    ".SCRRDKXFR.",  // claimed
    "..CRRDKXFK.",  // sending
    "......K....",  // delivered
    ".....D....R",  // dead
    "...........",  // cancelled
    "...........",  // fell back
};
constexpr std::string_view kLetters = "RCSDKXF";

TEST(DeliveryState, MovesAsTheTableSaysForEveryPair) {
  for (std::size_t state = 0; state < kDeliveryStates; ++state) {
    for (std::size_t event = 0; event < kDeliveryEvents; ++event) {
      const auto next =
          next_state(static_cast<DeliveryState>(state), static_cast<DeliveryEvent>(event));
      const char letter = next ? kLetters[static_cast<std::size_t>(*next)] : '.';
      EXPECT_EQ(letter, kExpected[state][event])
          << state_name(static_cast<DeliveryState>(state)) << ", event " << event;
    }
  }
}

TEST(DeliveryState, NothingLeavesCancelledOrFellBack) {
  for (std::size_t event = 0; event < kDeliveryEvents; ++event) {
    EXPECT_FALSE(next_state(DeliveryState::kCancelled, static_cast<DeliveryEvent>(event)));
    EXPECT_FALSE(next_state(DeliveryState::kFellBack, static_cast<DeliveryEvent>(event)));
  }
}

TEST(DeliveryState, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t state = 0; state < kDeliveryStates; ++state) {
    names.insert(state_name(static_cast<DeliveryState>(state)));
  }
  EXPECT_EQ(names.size(), kDeliveryStates);
  EXPECT_EQ(state_name(DeliveryState::kFellBack), "fell_back");
  EXPECT_EQ(review_name(ReviewState::kDiscarded), "discarded");
}

TEST(DeliveryClass, CriticalAndAboveGoesFirst) {
  EXPECT_EQ(class_of(Level::kError), DeliveryClass::kNormal);
  EXPECT_EQ(class_of(Level::kCritical), DeliveryClass::kCritical);
  EXPECT_EQ(class_of(Level::kEmergency), DeliveryClass::kCritical);
}

TEST(DeliveryClass, HasAName) {
  for (const DeliveryClass one : {DeliveryClass::kCritical, DeliveryClass::kNormal}) {
    EXPECT_EQ(parse_class(class_name(one)), one);
  }
  EXPECT_EQ(parse_class("urgent"), std::nullopt);
  EXPECT_EQ(parse_class(""), std::nullopt);
}

TEST(Verdict, HasANameForEachKind) {
  EXPECT_EQ(verdict_name(VerdictKind::kDelivered), "delivered");
  EXPECT_EQ(verdict_name(VerdictKind::kTargetGone), "target_gone");
  EXPECT_EQ(verdict_name(VerdictKind::kInternal), "internal");
}

}  // namespace
}  // namespace tocsin::message
