#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

using message::DeliveryState;
using message::ReviewState;
using testing::HasSubstr;
using testing::SizeIs;

std::string text_of(std::uint64_t id) { return message::DeliveryId{{id}, 0}.text(); }

class DeadLettersTest : public ApiTest {
 protected:
  static const Value::List& letters(const Answer& answer) {
    return answer.json.at("dead_letters").as<Value::List>();
  }
  void add_many(std::uint64_t count) {
    for (std::uint64_t id = 1; id <= count; ++id) ledger.add_dead(id, "mail");
  }
  std::size_t count(DeliveryState state) const {
    return static_cast<std::size_t>(
        std::count_if(ledger.rows.begin(), ledger.rows.end(),
                      [&](const auto& row) { return row.state == state; }));
  }
};

TEST_F(DeadLettersTest, AreListedWithWhatTheyAreAbout) {
  ledger.add_dead(7, "mail").address = "email:a@b.example";
  const Answer answer = get("/v1/dead-letters");
  ASSERT_EQ(answer.status, 200);
  ASSERT_THAT(letters(answer), SizeIs(1));
  const Value& letter = letters(answer).front();
  EXPECT_EQ(letter.string("id"), text_of(7));
  EXPECT_EQ(letter.string("output"), "mail");
  EXPECT_EQ(letter.string("address"), "email:a@b.example");
  EXPECT_EQ(letter.string("state"), "dead");
  EXPECT_EQ(letter.string("review"), "pending");
  EXPECT_EQ(letter.integer("attempts"), 3);
  EXPECT_EQ(letter.string("reason"), "refused");
  EXPECT_EQ(letter.string("topic"), "orders.paid");
  EXPECT_EQ(letter.string("level"), "error");
  EXPECT_EQ(letter.string("title"), "No money");
  EXPECT_EQ(answer.json.find("next"), nullptr);
}

TEST_F(DeadLettersTest, ComePageByPageFromNewToOld) {
  add_many(5);
  const Answer first = get("/v1/dead-letters?limit=2&output=mail");
  ASSERT_THAT(letters(first), SizeIs(2));
  EXPECT_EQ(letters(first)[0].string("id"), text_of(5));
  EXPECT_EQ(first.json.string("next"), text_of(4));
  const Answer rest = get("/v1/dead-letters?before=" + first.json.string("next"));
  ASSERT_THAT(letters(rest), SizeIs(3));
  EXPECT_EQ(letters(rest)[0].string("id"), text_of(3));
  EXPECT_EQ(get("/v1/dead-letters?output=sms").text, "{\"dead_letters\":[]}\n");
}

TEST_F(DeadLettersTest, AreListedOnlyWithSensibleParameters) {
  for (const char* query : {"limit=0", "limit=501", "limit=1x", "limit=-1", "before=7",
                            "before=ntf_0000000000007", "limit=99999999999999999999"}) {
    EXPECT_EQ(get(std::string("/v1/dead-letters?") + query).status, 400) << query;
  }
  EXPECT_TRUE(ledger.queries.empty());
}

TEST_F(DeadLettersTest, AreShownWithTheirNotification) {
  ledger.add_dead(7, "mail");
  const Answer answer = get("/v1/dead-letters/" + text_of(7));
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json.string("reason"), "refused");
  const Value& of = answer.json.at("of");
  EXPECT_EQ(of.string("caller"), "shop");
  EXPECT_EQ(of.string("accepted_at"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(of.at("notification").string("topic"), "orders.paid");
}

TEST_F(DeadLettersTest, AreNotWhatIsStillUnderWay) {
  ledger.add_dead(7, "mail").state = DeliveryState::kReady;
  EXPECT_EQ(get("/v1/dead-letters/" + text_of(7)).status, 404);
  EXPECT_EQ(get("/v1/dead-letters/" + text_of(8)).status, 404);
  EXPECT_EQ(get("/v1/dead-letters/nonsense").status, 404);
}

TEST_F(DeadLettersTest, AreRedrivenApprovedAndDiscarded) {
  add_many(3);
  const std::string base = "/v1/dead-letters/";
  EXPECT_EQ(post(base + text_of(1) + "/redrive").text,
            R"({"id":")" + text_of(1) + "\",\"status\":\"redriven\",\"output\":\"mail\"}\n");
  EXPECT_EQ(post(base + text_of(2) + "/approve").json.string("status"), "approved");
  EXPECT_EQ(post(base + text_of(3) + "/discard").json.string("status"), "discarded");
  EXPECT_EQ(ledger.rows[0].state, DeliveryState::kReady);
  EXPECT_EQ(ledger.rows[1].review, ReviewState::kApproved);
  EXPECT_EQ(ledger.rows[2].review, ReviewState::kDiscarded);
  EXPECT_EQ(post(base + text_of(1) + "/redrive").status, 404) << "it is no dead letter any more";
}

TEST_F(DeadLettersTest, SayWhenTheStoreCannotServe) {
  ledger.down = Error{Code::kUnavailable, "the disk is gone", ""};
  const Answer answer = get("/v1/dead-letters");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json.string("detail"), "Could not read the store: the disk is gone.");
  EXPECT_THAT(answer.head, HasSubstr("Retry-After: 5\r\n"));
}

TEST_F(DeadLettersTest, AreRedrivenManyAtATimeOverPages) {
  add_many(250);
  ledger.add_dead(251, "sms");
  const Answer answer = post("/v1/dead-letters/redrive", R"({"output":"mail"})");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.text, "{\"output\":\"mail\",\"changed\":250,\"gone\":0}\n");
  EXPECT_EQ(count(DeliveryState::kReady), 250U);
  EXPECT_EQ(ledger.rows.back().state, DeliveryState::kDead) << "another output's";
  EXPECT_THAT(ledger.queries, SizeIs(3));
  EXPECT_EQ(audit.records.back().target, "mail");
  EXPECT_EQ(audit.records.back().detail, "250 changed");
}

TEST_F(DeadLettersTest, AreChangedUpToTheLimitAndOnFromThere) {
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

TEST_F(DeadLettersTest, KeepToTheReviewThatIsAskedFor) {
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

TEST_F(DeadLettersTest, AreApprovedOrDiscardedManyAtATime) {
  add_many(3);
  ledger.rows[0].review = ReviewState::kApproved;
  const std::string body = R"({"output":"mail"})";
  EXPECT_EQ(post("/v1/dead-letters/approve", body).json.integer("changed"), 2);
  EXPECT_EQ(post("/v1/dead-letters/discard", body).json.integer("changed"), 3);
  EXPECT_EQ(post("/v1/dead-letters/discard", body).json.integer("changed"), 0);
}

TEST_F(DeadLettersTest, SayHowManyWereChangedBeforeTheStoreFailed) {
  add_many(150);
  ledger.reviews_until_down = 120;
  const Answer answer = post("/v1/dead-letters/redrive", R"({"output":"mail"})");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.json.string("detail"), HasSubstr("120 were changed before."));
}

TEST_F(DeadLettersTest, AreChangedManyAtATimeOnlyByAStrictBody) {
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
  EXPECT_EQ(pointer(R"({"output":"mail","all":true})"), "");
  EXPECT_EQ(pointer(R"({"output":7})"), "/output");
  EXPECT_EQ(pointer(R"({"output":""})"), "/output");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":0})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":"9"})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","limit":10001})"), "/limit");
  EXPECT_EQ(pointer(R"({"output":"mail","review":"discarded"})"), "/review");
  EXPECT_EQ(pointer(R"({"output":"mail","before":"yesterday"})"), "/before");
  EXPECT_TRUE(ledger.queries.empty());
}

}  // namespace
}  // namespace tocsin::admin
