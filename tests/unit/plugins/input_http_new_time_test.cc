// PATCH: another time for what still waits.
#include "tests/unit/plugins/input_http.h"

namespace tocsin {
namespace {

using HttpInputNewTime = HttpInputTest;

TEST_F(HttpInputNewTime, AsksForAnotherTime) {
  start();
  const auto patch = [&] {
    const tocsin_token exchange = ask("PATCH", "/v1/notifications/ntf_1", R"({"delay":"5m"})",
                                      {{"Content-Type", "application/json"}});
    EXPECT_EQ(host.questions.back().new_time, R"({"delay":"5m"})");
    return exchange;
  };
  tocsin_ledger_answer counts{};
  counts.rescheduled = 2;
  counts.done = 1;
  const tocsin_token moved = patch();
  host.answer(host.questions.back(), TOCSIN_OK, counts);
  EXPECT_EQ(status(moved), 200U);
  EXPECT_EQ(answer(moved).body, R"({"rescheduled":2,"in_flight":0,"done":1})");

  counts = {};
  counts.in_flight = 1;
  const tocsin_token late = patch();
  host.answer(host.questions.back(), TOCSIN_OK, counts);
  EXPECT_EQ(status(late), 409U);

  counts = {};
  counts.expires = 1;
  const tocsin_token beyond = patch();
  host.answer(host.questions.back(), TOCSIN_OK, counts);
  EXPECT_EQ(status(beyond), 422U);

  tocsin_ledger_answer fault{};
  fault.text = sdk::to_c("is not a duration");
  fault.pointer = sdk::to_c("/delay");
  const tocsin_token wrong = patch();
  host.answer(host.questions.back(), TOCSIN_INVALID, fault);
  EXPECT_EQ(status(wrong), 400U);
  EXPECT_NE(answer(wrong).body.find(R"("pointer":"/delay")"), std::string::npos);
}

TEST_F(HttpInputNewTime, TakesANewTimeOnlyAsJson) {
  start();
  EXPECT_EQ(status(ask("PATCH", "/v1/notifications/ntf_1", "5m", {{"Content-Type", "text/plain"}})),
            415U);
  EXPECT_TRUE(host.questions.empty());
}

}  // namespace
}  // namespace tocsin
