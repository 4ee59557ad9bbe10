#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

using message::DeliveryState;
using message::ReviewState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
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
  ledger.backlog = {{"sms", 1, 0}};
  EXPECT_EQ(get("/v1/dead-letters?output=sms").text, "{\"dead_letters\":[]}\n");
}

TEST_F(DeadLettersTest, AreListedOnlyWithSensibleParameters) {
  for (const char* query :
       {"limit=0", "limit=501", "limit=1x", "limit=-1", "before=7", "before=ntf_0000000000007",
        "limit=99999999999999999999", "reason=tired", "topic=a..b", "address=nobody",
        "review=maybe", "accepted_after=yesterday", "updated_before=7"}) {
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
  const Answer late = post(base + text_of(1) + "/redrive");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.json.string("detail"), "This delivery is no dead letter, it is ready.");
  EXPECT_EQ(post(base + text_of(9) + "/redrive").status, 404);
}

TEST_F(DeadLettersTest, SayWhenTheStoreCannotServe) {
  ledger.down = Error{Code::kUnavailable, "the disk is gone", ""};
  const Answer answer = get("/v1/dead-letters");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json.string("detail"), "Could not read the store: the disk is gone.");
  EXPECT_THAT(answer.head, HasSubstr("Retry-After: 5\r\n"));
}

TEST_F(DeadLettersTest, AreFoundByWhatIsAskedOfThem) {
  add_many(6);
  ledger.rows[0].reason = "gave up after attempt 10: HTTP 500";
  ledger.rows[1].reason = "gave up after attempt 3: HTTP 502";
  ledger.rows[1].review = ReviewState::kDiscarded;
  ledger.rows[2].address = "phone:+15550111";
  ledger.payloads[4] = R"({"topic":"disk.full","level":"error"})";
  const auto found = [&](std::string_view query) {
    const Answer answer = get("/v1/dead-letters?" + std::string(query));
    EXPECT_EQ(answer.status, 200) << query << answer.text;
    std::vector<std::string> ids;
    for (const Value& letter : letters(answer)) ids.push_back(letter.string("id"));
    return ids;
  };
  EXPECT_THAT(found("reason=exhausted"), ElementsAre(text_of(2), text_of(1)));
  EXPECT_THAT(found("reason=exhausted&review=pending"), ElementsAre(text_of(1)));
  EXPECT_THAT(found("address=phone:"), ElementsAre(text_of(3)));
  EXPECT_THAT(found("topic=disk.*"), ElementsAre(text_of(4)));
  EXPECT_THAT(found("topic=orders.paid&reason=exhausted&limit=1"), ElementsAre(text_of(2)));
  EXPECT_THAT(found("reason=expired"), IsEmpty());
}

TEST_F(DeadLettersTest, AreLookedForOverPagesUntilThereAreEnough) {
  add_many(250);
  ledger.rows[0].reason = ledger.rows[120].reason = "expired";
  const Answer first = get("/v1/dead-letters?reason=expired&limit=1");
  ASSERT_THAT(letters(first), SizeIs(1));
  EXPECT_EQ(first.json.string("next"), text_of(121));
  const Answer second =
      get("/v1/dead-letters?reason=expired&limit=5&before=" + first.json.string("next"));
  ASSERT_THAT(letters(second), SizeIs(1));
  EXPECT_EQ(letters(second)[0].string("id"), text_of(1));
  EXPECT_EQ(second.json.find("next"), nullptr);
}

TEST_F(DeadLettersTest, SayWhereToGoOnRatherThanLookForEver) {
  add_many(5200);
  const Answer answer = get("/v1/dead-letters?reason=expired");
  EXPECT_THAT(letters(answer), IsEmpty());
  EXPECT_EQ(answer.json.string("next"), text_of(201));
}

TEST_F(DeadLettersTest, OfAnOutputThatNobodyKnowsAreNotFound) {
  ledger.backlog = {{"orphan", 0, 0}};
  outputs.states.emplace_back().name = "configured";
  for (const char* known : {"orphan", "configured"}) {
    const Answer answer = get("/v1/dead-letters?output=" + std::string(known));
    EXPECT_EQ(answer.text, "{\"dead_letters\":[]}\n") << known;
  }
  for (const char* path : {"/v1/dead-letters", "/v1/dead-letters/stats"}) {
    const Answer answer = get(std::string(path) + "?output=typo");
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(answer.json.string("detail"), HasSubstr("There is no output typo"));
  }
}

TEST_F(DeadLettersTest, AreCountedByOutputAndReason) {
  add_many(600);
  ledger.rows[0].reason = "expired";
  ledger.rows[1].reason = "rejected: HTTP 400";
  ledger.rows[2].review = ReviewState::kApproved;
  ledger.rows[3].review = ReviewState::kDiscarded;
  ledger.add_dead(601, "sms").reason = "expired";
  const Answer answer = get("/v1/dead-letters/stats");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json.find("next"), nullptr);
  const Value::List& groups = answer.json.at("groups").as<Value::List>();
  ASSERT_THAT(groups, SizeIs(4));
  EXPECT_EQ(groups[0].string("reason"), "expired");
  EXPECT_EQ(groups[1].string("reason"), "other");
  EXPECT_EQ(groups[1].integer("pending"), 596);
  EXPECT_EQ(groups[1].integer("approved"), 1);
  EXPECT_EQ(groups[1].integer("discarded"), 1);
  EXPECT_EQ(groups[1].string("oldest_accepted_at"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(groups[2].string("reason"), "rejected");
  EXPECT_EQ(groups[3].string("output"), "sms");
}

}  // namespace
}  // namespace tocsin::admin
