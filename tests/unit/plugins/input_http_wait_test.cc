// ?wait=delivered, which asks the ledger until every delivery is settled.
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/plugins/input_http.h"

namespace tocsin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HttpInputWaitTest : public HttpInputTest {
 protected:
  using Question = testing::FakeHost::Question;

  tocsin_token post_and_wait(const Headers& headers = {}) {
    return post("/v1/notifications?wait=delivered", kOne, headers);
  }
  tocsin_token get_and_wait() { return ask("GET", "/v1/notifications/ntf_7?wait=delivered"); }
  // To the newest question.
  void tell(const std::vector<const char*>& states) {
    std::vector<tocsin_delivery_row> rows(states.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].size = sizeof(rows[i]);
      rows[i].state = sdk::to_c(states[i]);
      rows[i].output = sdk::to_c("mail");
    }
    tocsin_ledger_answer answer{};
    answer.id = sdk::to_c("ntf_7");
    answer.payload = sdk::to_c("{}");
    answer.deliveries = rows.data();
    answer.count = static_cast<std::uint32_t>(rows.size());
    answer.stride = sizeof(tocsin_delivery_row);
    host.answer(host.questions.back(), TOCSIN_OK, answer);
  }
};

TEST_F(HttpInputWaitTest, AnswersWithTheStatesOnceAllAreSettled) {
  start();
  const tocsin_token one = post_and_wait();
  outcome({committed("ntf_7", 2)});
  EXPECT_FALSE(answered(one));
  EXPECT_TRUE(host.questions.empty());
  host.advance(milliseconds(5));
  ASSERT_EQ(host.questions.size(), 1U);
  EXPECT_EQ(host.questions.back().id, "ntf_7");
  tell({"delivered", "claimed"});
  host.advance(milliseconds(9));
  EXPECT_EQ(host.questions.size(), 1U);
  host.advance(milliseconds(1));
  ASSERT_EQ(host.questions.size(), 2U);
  EXPECT_FALSE(answered(one));
  tell({"delivered", "dead"});
  EXPECT_EQ(status(one), 200U);
  EXPECT_NE(answer(one).body.find(R"("state":"dead")"), std::string::npos);
  end(one);
  host.advance(seconds(60));
  EXPECT_EQ(host.questions.size(), 2U);
}

TEST_F(HttpInputWaitTest, AnswersAtTheDeadlineAsToWhoDidNotWait) {
  host.settings.set("wait_timeout", "2s");
  start();
  const tocsin_token one = post_and_wait();
  outcome({committed("ntf_7", 3)});
  const auto until = host.clock.mono() + seconds(2);
  while (!answered(one)) {
    ASSERT_LE(host.clock.mono(), until);
    const std::size_t asked = host.questions.size();
    host.advance(milliseconds(5));
    if (host.questions.size() > asked) tell({"ready"});
  }
  EXPECT_EQ(host.clock.mono(), until);
  EXPECT_EQ(status(one), 202U);
  EXPECT_EQ(answer(one).body, R"({"id":"ntf_7","status":"accepted","deliveries":3})");
  EXPECT_LT(host.questions.size(), 20U);
}

TEST_F(HttpInputWaitTest, WaitsForWhatIsReadToo) {
  start();
  const tocsin_token one = get_and_wait();
  tell({"sending"});
  EXPECT_FALSE(answered(one));
  host.advance(milliseconds(5));
  tell({"cancelled"});
  EXPECT_EQ(status(one), 200U);
  const tocsin_token settled = get_and_wait();
  tell({"delivered"});
  EXPECT_EQ(status(settled), 200U);
}

TEST_F(HttpInputWaitTest, WaitsOnWhileTheStoreCannotBeAsked) {
  start();
  const tocsin_token one = post_and_wait();
  outcome({committed("ntf_7")});
  host.ledger = TOCSIN_UNAVAILABLE;
  host.advance(milliseconds(500));
  host.ledger = TOCSIN_OK;
  host.advance(milliseconds(250));
  ASSERT_EQ(host.questions.size(), 1U);
  host.answer(host.questions.back(), TOCSIN_UNAVAILABLE);
  EXPECT_FALSE(answered(one));
  host.advance(milliseconds(250));
  tell({"delivered"});
  EXPECT_EQ(status(one), 200U);
}

TEST_F(HttpInputWaitTest, DoesNotWaitForWhatNobodyDelivers) {
  start();
  tocsin_emit_outcome dropped = emit_outcome(TOCSIN_DROPPED);
  dropped.text = sdk::to_c("dedup");
  const tocsin_token one = post_and_wait();
  outcome({dropped});
  EXPECT_EQ(status(one), 202U);
  const tocsin_token refused = post_and_wait();
  outcome({emit_outcome(TOCSIN_STORE_DOWN)});
  EXPECT_EQ(status(refused), 503U);
  host.advance(seconds(1));
  EXPECT_TRUE(host.questions.empty());
}

TEST_F(HttpInputWaitTest, ForgetsAClientThatLeft) {
  start();
  const tocsin_token between = post_and_wait();
  outcome({committed("ntf_7")});
  end(between);
  host.advance(seconds(1));
  EXPECT_TRUE(host.questions.empty());
  const tocsin_token asking = post_and_wait();
  outcome({committed("ntf_7")});
  host.advance(milliseconds(5));
  ASSERT_EQ(host.questions.size(), 1U);
  end(asking);
  tell({"ready"});
  host.advance(seconds(1));
  EXPECT_EQ(host.questions.size(), 1U);
  EXPECT_EQ(host.late, 0U);
}

TEST_F(HttpInputWaitTest, LetsSoManyWaitAndAnswersMoreAtOnce) {
  start();
  std::vector<tocsin_token> waiting;
  for (int i = 0; i < 256; ++i) {
    waiting.push_back(post_and_wait());
    outcome({committed("ntf_7")});
    ASSERT_FALSE(answered(waiting.back()));
  }
  const tocsin_token more = post_and_wait();
  outcome({committed("ntf_8")});
  EXPECT_EQ(status(more), 202U);
  end(waiting.back());
  waiting.pop_back();
  const tocsin_token again = post_and_wait();
  outcome({committed("ntf_9")});
  EXPECT_FALSE(answered(again));
}

TEST_F(HttpInputWaitTest, RefusesToWaitForAnythingElse) {
  start();
  EXPECT_EQ(status(post("/v1/notifications?wait=read", kOne)), 400U);
  EXPECT_EQ(status(ask("GET", "/v1/notifications/ntf_7?a=b&wait=ready")), 400U);
  EXPECT_EQ(status(post("/v1/notifications/batch?wait=delivered", "[]")), 400U);
  EXPECT_EQ(status(post("/v1/notifications?wait", kOne)), 400U);
  EXPECT_EQ(status(post("/v1/notifications?wait=", kOne)), 400U);
  EXPECT_EQ(status(ask("DELETE", "/v1/notifications/ntf_7?wait=delivered")), 400U);
  EXPECT_TRUE(host.emits.empty());
  const tocsin_token other = post("/v1/notifications?waiter=x&await=y", kOne);
  outcome({committed("ntf_7")});
  EXPECT_EQ(status(other), 202U);
}

}  // namespace
}  // namespace tocsin
