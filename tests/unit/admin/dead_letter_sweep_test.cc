#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

using message::DeliveryState;
using message::ReviewState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::string text_of(std::uint64_t id) { return message::DeliveryId{{id}, 0}.text(); }

class DeadLetterSweep : public ApiTest {
 protected:
  void add_many(std::uint64_t count) {
    for (std::uint64_t id = 1; id <= count; ++id) ledger.add_dead(id, "mail");
  }
  std::size_t count(DeliveryState state) const {
    return static_cast<std::size_t>(
        std::count_if(ledger.rows.begin(), ledger.rows.end(),
                      [&](const auto& row) { return row.state == state; }));
  }
  /// A redrive with a pace that is under way.
  http::RawClient pace(std::string_view body) {
    http::RawClient client = connect();
    client.send(request("POST", "/v1/dead-letters/redrive", kOperator,
                        "Content-Type: application/json\r\n", body));
    answer_all();
    return client;
  }
  Answer answer_of(http::RawClient& client) {
    client.pull();
    return read(client.take());
  }
  void pass(Duration time) {
    advance(time);
    answer_all();
  }
};

TEST_F(DeadLetterSweep, AreRedrivenManyAtATimeOverPages) {
  add_many(250);
  ledger.add_dead(251, "sms");
  const Answer answer = post("/v1/dead-letters/redrive", R"({"output":"mail"})");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "{\"output\":\"mail\",\"matched\":250,\"changed\":250,\"gone\":0}\n");
  EXPECT_EQ(count(DeliveryState::kReady), 250U);
  EXPECT_EQ(ledger.rows.back().state, DeliveryState::kDead) << "another output's";
  EXPECT_THAT(ledger.queries, SizeIs(3));
  EXPECT_EQ(audit.records.back().target, "mail");
  EXPECT_EQ(audit.records.back().detail, "250 changed");
}

TEST_F(DeadLetterSweep, AreChangedUpToTheLimitAndOnFromThere) {
  add_many(250);
  const Answer first = post("/v1/dead-letters/redrive", R"({"output":"mail","limit":150})");
  EXPECT_EQ(first.json.integer("changed"), 150);
  EXPECT_EQ(first.json.string("next"), text_of(101));
  EXPECT_EQ(ledger.rows[99].state, DeliveryState::kDead);
  ledger.rows.back().state = DeliveryState::kDead;  // it died again meanwhile
  const Answer rest = post("/v1/dead-letters/redrive",
                           R"({"output":"mail","before":")" + first.json.string("next") + "\"}");
  EXPECT_EQ(rest.json.integer("changed"), 100);
  EXPECT_EQ(ledger.rows.back().state, DeliveryState::kDead) << "not twice in one go";
}

TEST_F(DeadLetterSweep, KeepToTheReviewThatIsAskedFor) {
  add_many(4);
  ledger.rows[0].review = ReviewState::kApproved;
  ledger.rows[1].review = ReviewState::kDiscarded;
  const auto approved =
      post("/v1/dead-letters/redrive", R"({"output":"mail","review":"approved"})");
  EXPECT_EQ(approved.json.integer("changed"), 1);
  EXPECT_EQ(ledger.rows[0].state, DeliveryState::kReady);
  EXPECT_EQ(post("/v1/dead-letters/redrive", R"({"output":"mail"})").json.integer("changed"), 2);
  EXPECT_EQ(ledger.rows[1].state, DeliveryState::kDead) << "somebody was done with it";
}

TEST_F(DeadLetterSweep, AreApprovedOrDiscardedManyAtATime) {
  add_many(3);
  ledger.rows[0].review = ReviewState::kApproved;
  const std::string body = R"({"output":"mail"})";
  EXPECT_EQ(post("/v1/dead-letters/approve", body).json.integer("changed"), 2);
  EXPECT_EQ(post("/v1/dead-letters/discard", body).json.integer("changed"), 3);
  EXPECT_EQ(post("/v1/dead-letters/discard", body).json.integer("changed"), 0);
}

// The process that comes after this one goes on there.
TEST_F(DeadLetterSweep, WithAPaceSayWhereToGoOnWhenTheStoreFails) {
  add_many(30);
  ledger.reviews_until_down = 15;
  http::RawClient client = pace(R"({"output":"mail","rate":"100/s"})");
  pass(std::chrono::milliseconds(150));
  const Answer answer = answer_of(client);
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json.integer("matched"), 10);
  EXPECT_EQ(answer.json.integer("changed"), 15);
  ASSERT_EQ(answer.json.string("next"), text_of(21));
  ledger.reviews_until_down = 100;
  const Answer rest = post("/v1/dead-letters/redrive",
                           R"({"output":"mail","before":")" + answer.json.string("next") + "\"}");
  EXPECT_EQ(rest.json.integer("changed"), 15);
  EXPECT_EQ(count(DeliveryState::kReady), 30U);
}

TEST_F(DeadLetterSweep, SayHowManyWereChangedBeforeTheStoreFailed) {
  add_many(150);
  ledger.reviews_until_down = 120;
  const Answer answer = post("/v1/dead-letters/redrive", R"({"output":"mail"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.json.string("detail"), HasSubstr("120 were changed before."));
}

TEST_F(DeadLetterSweep, AreChangedManyAtATimeOnlyByAStrictBody) {
  const auto pointer = [&](std::string_view body) {
    const Answer answer = post("/v1/dead-letters/redrive", body);
    EXPECT_EQ(answer.status, 400) << body;
    const Value* at = answer.json.find("pointer");
    return at == nullptr ? std::string() : at->as<std::string>();
  };
  EXPECT_EQ(pointer("{}"), "");
  EXPECT_EQ(pointer("[]"), "");
  EXPECT_EQ(pointer("{"), "");
  EXPECT_EQ(pointer(R"({"output":"mail","output":"sms"})"), "");
  EXPECT_EQ(pointer(R"({"output":"mail","all":true})"), "/all");
  EXPECT_EQ(pointer(R"({"output":7})"), "/output");
  EXPECT_EQ(pointer(R"({"output":""})"), "/output");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":0})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":"9"})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":10001})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","review":"discarded"})"), "/review");
  EXPECT_EQ(pointer(R"({"reason":"tired"})"), "/reason");
  EXPECT_EQ(pointer(R"({"topic":["a"]})"), "/topic");
  EXPECT_EQ(pointer(R"({"accepted_after":"soon"})"), "/accepted_after");
  EXPECT_EQ(pointer(R"({"output":"mail","rate":"fast"})"), "/rate");
  EXPECT_EQ(pointer(R"({"output":"mail","rate":"1/h"})"), "/rate");
  EXPECT_EQ(pointer(R"({"output":"mail","dry_run":1})"), "/dry_run");
  EXPECT_EQ(pointer(R"({"ids":[]})"), "/ids");
  EXPECT_EQ(pointer(R"({"ids":["x"]})"), "/ids/0");
  EXPECT_EQ(pointer(R"({"ids":[")" + text_of(1) + "\",\"" + text_of(1) + "\"]}"), "/ids/1");
  EXPECT_EQ(pointer(R"({"output":"mail","ids":[")" + text_of(1) + "\"]}"), "/ids");
  EXPECT_EQ(pointer(R"({"a/b~c":1})"), "/a~1b~0c");
  EXPECT_EQ(pointer(R"({"output":"mail","before":"yesterday"})"), "/before");
  EXPECT_TRUE(ledger.queries.empty());
}

TEST_F(DeadLetterSweep, ChangesOnlyWhatTheFilterLetsThrough) {
  add_many(150);
  ledger.rows[0].reason = ledger.rows[140].reason = "expired";
  ledger.add_dead(151, "sms").reason = "expired";
  const Answer answer = post("/v1/dead-letters/redrive", R"({"reason":"expired"})");
  EXPECT_EQ(answer.text, "{\"matched\":3,\"changed\":3,\"gone\":0}\n");
  EXPECT_EQ(count(DeliveryState::kReady), 3U);
  EXPECT_EQ(audit.records.back().detail, "3 changed; reason=expired");
}

TEST_F(DeadLetterSweep, ChangesNothingInADryRunAndShowsSome) {
  add_many(150);
  const Answer answer =
      post("/v1/dead-letters/discard", R"({"output":"mail","dry_run":true,"limit":120})");
  EXPECT_EQ(answer.json.integer("matched"), 120);
  EXPECT_EQ(answer.json.integer("changed"), 0);
  EXPECT_EQ(answer.json.string("next"), text_of(31));
  const Value::List& sample = answer.json.at("sample").as<Value::List>();
  ASSERT_THAT(sample, SizeIs(10));
  EXPECT_EQ(sample[0].string("id"), text_of(150));
  EXPECT_EQ(sample[0].string("topic"), "orders.paid");
  EXPECT_EQ(count(DeliveryState::kDead), 150U);
  EXPECT_EQ(audit.records.back().detail, "dry run: 120 match");
}

TEST_F(DeadLetterSweep, ChangesThoseThatAreNamed) {
  add_many(3);
  ledger.rows[1].state = DeliveryState::kDelivered;
  ledger.rows[2].review = ReviewState::kDiscarded;
  const std::string ids = "[\"" + text_of(1) + "\",\"" + text_of(2) + "\",\"" + text_of(3) + "\"]";
  const Answer dry = post("/v1/dead-letters/redrive", R"({"dry_run":true,"ids":)" + ids + "}");
  EXPECT_EQ(dry.json.integer("matched"), 2);
  EXPECT_EQ(dry.json.integer("gone"), 1);
  EXPECT_EQ(count(DeliveryState::kReady), 0U);
  const Answer answer = post("/v1/dead-letters/redrive", R"({"ids":)" + ids + "}");
  EXPECT_EQ(answer.text,
            "{\"matched\":3,\"changed\":2,\"gone\":1,\"gone_ids\":[\"" + text_of(2) + "\"]}\n");
  EXPECT_EQ(count(DeliveryState::kReady), 2U) << "a discarded one that is named, too";
  EXPECT_EQ(audit.records.back().detail, "2 changed of 3 ids");
}

TEST_F(DeadLetterSweep, OfAnOutputThatNobodyKnowsIsRefused) {
  outputs.states.emplace_back().name = "mail";
  const Answer typo = post("/v1/dead-letters/redrive", R"({"output":"mial"})");
  EXPECT_EQ(typo.status, 404);
  EXPECT_EQ(typo.json.string("pointer"), "/output");
  EXPECT_EQ(audit.records.back().result, "refused");
  const Answer none = post("/v1/dead-letters/redrive", R"({"output":"mail"})");
  EXPECT_EQ(none.text, "{\"output\":\"mail\",\"matched\":0,\"changed\":0,\"gone\":0}\n");
  ledger.add_dead(1, "removed-long-ago");
  EXPECT_EQ(post("/v1/dead-letters/redrive", R"({"output":"removed-long-ago"})").status, 200);
}

TEST_F(DeadLetterSweep, OfAnUnknownOutputIsRefusedAlsoWhereItWouldGoOn) {
  outputs.states.emplace_back().name = "mail";
  ledger.add_dead(7, "mail");
  const std::string rest = R"("before":")" + text_of(7) + "\"}";
  const Answer typo = post("/v1/dead-letters/redrive", R"({"output":"mial",)" + rest);
  EXPECT_EQ(typo.status, 404);
  EXPECT_EQ(typo.json.string("pointer"), "/output");
  EXPECT_EQ(get("/v1/dead-letters?output=mial&before=" + text_of(7)).status, 404);
  EXPECT_EQ(get("/v1/dead-letters/stats?output=mial&before=" + text_of(7)).status, 404);
  EXPECT_EQ(get("/v1/dead-letters?output=mail&before=" + text_of(7)).status, 200);
  const Answer counted = get("/v1/dead-letters/stats?output=mail&before=" + text_of(7));
  EXPECT_EQ(counted.text, "{\"groups\":[]}\n");
}

// Of an output that is not configured nothing is left when its last letter was discarded.
TEST_F(DeadLetterSweep, GoesOnBehindTheLastLetterOfAnOutputThatIsGone) {
  add_many(1);
  const Answer all = post("/v1/dead-letters/discard", R"({"output":"mail"})");
  EXPECT_EQ(all.json.integer("changed"), 1);
  const std::string rest = R"("before":")" + text_of(1) + "\"}";
  const Answer answer = post("/v1/dead-letters/discard", R"({"output":"mail",)" + rest);
  EXPECT_EQ(answer.status, 200) << answer.text;
}

TEST_F(DeadLetterSweep, KeepsToItsPace) {
  add_many(30);
  http::RawClient client = pace(R"({"output":"mail","rate":"100/s"})");
  EXPECT_EQ(count(DeliveryState::kReady), 10U);
  pass(std::chrono::milliseconds(99));
  EXPECT_EQ(count(DeliveryState::kReady), 10U);
  pass(std::chrono::milliseconds(2));
  EXPECT_EQ(count(DeliveryState::kReady), 20U);
  pass(std::chrono::milliseconds(100));
  EXPECT_EQ(count(DeliveryState::kReady), 30U);
  EXPECT_EQ(answer_of(client).json.integer("changed"), 30);
}

TEST_F(DeadLetterSweep, AnswersAfterSomeSecondsOfItsPaceAndSaysWhereToGoOn) {
  add_many(20);
  http::RawClient client = pace(R"({"output":"mail","rate":"2/s"})");
  for (int i = 0; i < 9; ++i) pass(std::chrono::milliseconds(500));
  EXPECT_EQ(answer_of(client).status, 0) << "still under way";
  pass(std::chrono::milliseconds(501));
  const Answer answer = answer_of(client);
  EXPECT_EQ(answer.json.integer("changed"), 10);
  EXPECT_EQ(answer.json.string("next"), text_of(11));
}

TEST_F(DeadLetterSweep, KeepsNobodyForALongerWaitThanThat) {
  add_many(3);
  http::RawClient client = pace(R"({"output":"mail","rate":"1/10s"})");
  const Answer first = answer_of(client);
  EXPECT_EQ(first.json.integer("changed"), 1);
  EXPECT_EQ(first.json.string("next"), text_of(3));
  EXPECT_EQ(first.json.integer("wait_ms"), 10'000);

  http::RawClient again = pace(R"({"output":"mail","rate":"1/3s","before":")" + text_of(3) + "\"}");
  EXPECT_EQ(answer_of(again).status, 0) << "still under way";
  pass(std::chrono::milliseconds(3001));
  const Answer rest = answer_of(again);
  EXPECT_EQ(rest.json.integer("changed"), 2);
  EXPECT_EQ(rest.json.find("wait_ms") != nullptr, rest.json.find("next") != nullptr);
}

TEST_F(DeadLetterSweep, EndsWithItsClientWhileItWaitsForItsPace) {
  add_many(30);
  http::RawClient client = pace(R"({"output":"mail","rate":"10/s"})");
  client.reset();
  run();
  EXPECT_EQ(audit.records.back().detail, "1 changed");
  pass(std::chrono::seconds(5));
  EXPECT_EQ(count(DeliveryState::kReady), 1U);
}

}  // namespace
}  // namespace tocsin::admin
