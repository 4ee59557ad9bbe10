#include "gateway/app/pipeline_watch.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

using stage::FilterStatus;

/// Gives its reason, asks to hear more, and decides when the test says so.
class ReasoningFilter final : public stage::Filter {
 public:
  std::string_view name() const override { return "reasoning"; }
  FilterStatus on_message(stage::FilterCall& asked) override {
    asked.because("it is too late");
    asked.remember(7);
    call = &asked;
    return answer;
  }
  void on_outcome(std::uint64_t reservation, bool committed) override {
    outcomes.emplace_back(reservation, committed);
  }

  FilterStatus answer = FilterStatus::kDrop;
  stage::FilterCall* call = nullptr;
  std::vector<std::pair<std::uint64_t, bool>> outcomes;
};

struct Asking final : stage::FilterCall {
  message::Notification& notification() override { return event; }
  Arena& arena() override { return memory; }
  std::string_view identity() const override { return "me"; }
  void remember(std::uint64_t reservation) override { remembered = reservation; }
  void decide(FilterStatus status) override { decided = status; }

  BlockPool blocks;
  Arena memory{blocks, 65536};
  message::Notification event;
  std::uint64_t remembered = 0;
  FilterStatus decided = FilterStatus::kHold;
};

class FilterWatchTest : public testing::Test {
 protected:
  FilterWatchTest() { watch.note_in(step); }

  ManualClock clock;
  ReasoningFilter filter;
  FilterWatch watch{filter, clock};
  Rehearsed::FilterStep step;
  Asking asking;
};

TEST_F(FilterWatchTest, WritesDownWhatTheFilterSaysAndPassesItOn) {
  EXPECT_EQ(watch.on_message(asking), FilterStatus::kDrop);
  EXPECT_EQ(step.decision, Rehearsed::Decision::kDropped);
  EXPECT_EQ(step.reason, "it is too late");
  EXPECT_TRUE(step.remembers);
  EXPECT_EQ(asking.remembered, 7U);
  watch.on_outcome(7, true);
  EXPECT_EQ(filter.outcomes, (std::vector<std::pair<std::uint64_t, bool>>{{7, true}}));
}

TEST_F(FilterWatchTest, MeasuresHowLongAFilterHolds) {
  filter.answer = FilterStatus::kHold;
  EXPECT_EQ(watch.on_message(asking), FilterStatus::kHold);
  EXPECT_EQ(step.decision, Rehearsed::Decision::kNotAsked);
  clock.advance(std::chrono::seconds(3));
  filter.call->decide(FilterStatus::kPass);
  EXPECT_EQ(step.decision, Rehearsed::Decision::kPassed);
  EXPECT_EQ(step.held, std::chrono::seconds(3));
  EXPECT_EQ(asking.decided, FilterStatus::kPass);
}

}  // namespace
}  // namespace tocsin::app
