#include "gateway/app/command_dlq.h"

#include <gmock/gmock.h>

#include "gateway/base/json_reader.h"
#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kProblem404 =
    R"({"title":"Not Found","status":404,"detail":"No dead letter has this id."})";
const AdminArguments kPeople;
const AdminArguments kPrograms = {.json = true};

class DlqCommand : public testing::Test {
 protected:
  CommandOutput review(ReviewArguments arguments, const AdminArguments& admin = kPeople) {
    return review_dead_letters(arguments, admin, door);
  }
  FakeAdminDoor door;
};

TEST_F(DlqCommand, ListsDeadLettersInColumns) {
  door.replies = {{200, R"({"dead_letters":[{"id":"dlv_1-0","output":"mail","address":"email:a@b",)"
                        R"("state":"dead","review":"pending","attempts":5,)"
                        R"("died_at":"2026-01-31T23:59:59.999Z","reason":"550\nno such user",)"
                        R"("topic":"orders.paid","level":"error","title":"t"}]})"}};
  const CommandOutput output = list_dead_letters({}, kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out,
            "ID       OUTPUT  ADDRESS    TOPIC        LEVEL  ATTEMPTS  DIED                  "
            "REVIEW   REASON\n"
            "dlv_1-0  mail    email:a@b  orders.paid  error         5  2026-01-31 23:59:59Z  "
            "pending  550?no such user\n");
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/dead-letters?limit=50"));
}

TEST_F(DlqCommand, SaysHowToSeeTheNextPage) {
  door.replies = {{200, R"({"dead_letters":[{"id":"dlv_2-0"}],"next":"dlv_2-0"})"}};
  const CommandOutput output = list_dead_letters(
      {.choice = {.output = "a&b"}, .before = "dlv_9-0", .limit = 1}, kPeople, door);
  EXPECT_THAT(output.out, HasSubstr("tocsin dlq list --output a&b --before dlv_2-0\n"));
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/dead-letters?output=a%26b&limit=1&before=dlv_9-0"));
}

TEST_F(DlqCommand, SaysWhenThereIsNone) {
  door.replies = {{200, R"({"dead_letters":[]})"}};
  EXPECT_EQ(list_dead_letters({}, kPeople, door).out, "no dead letters\n");
}

TEST_F(DlqCommand, ShowsALetterWithItsNotification) {
  door.replies = {{200, R"({"id":"dlv_1-0","output":"mail","state":"dead","review":"pending",)"
                        R"("attempts":5,"died_at":"2026-01-31T23:59:59.999Z","reason":"550",)"
                        R"("of":{"id":"ntf_1","input":"api","caller":"shop",)"
                        R"("accepted_at":"2026-01-31T00:00:00.000Z","notification":)"
                        R"({"topic":"a","labels":{"b":"c"},"data":[1,null]}}})"}};
  const CommandOutput output = show_dead_letter("dlv_1-0", kPeople, door);
  EXPECT_EQ(output.out,
            "id            dlv_1-0\n"
            "output        mail\n"
            "review        pending\n"
            "reason        550\n"
            "attempts      5\n"
            "died          2026-01-31T23:59:59.999Z\n"
            "\n"
            "notification  ntf_1\n"
            "input         api\n"
            "caller        shop\n"
            "accepted      2026-01-31T00:00:00.000Z\n"
            "topic         a\n"
            "labels        {\"b\":\"c\"}\n"
            "data          [1,null]\n");
}

TEST_F(DlqCommand, GivesProgramsTheAnswerAsItIs) {
  const std::string text = "{\"dead_letters\":[],\"new_member\":1}\n";
  door.replies = {{200, text}};
  EXPECT_EQ(list_dead_letters({}, kPrograms, door).out, text);
}

TEST_F(DlqCommand, RedrivesById) {
  door.replies = {{200, R"({"id":"dlv_1-0","status":"redriven","output":"mail"})"},
                  {200, R"({"id":"dlv_2-0","status":"redriven","output":"mail"})"}};
  const CommandOutput output = review({.verb = "redrive", .ids = {"dlv_1-0", "dlv_2-0"}});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out,
            "dlv_1-0 redriven, back in the backlog of mail\n"
            "dlv_2-0 redriven, back in the backlog of mail\n");
  EXPECT_THAT(door.asked, ElementsAre("POST /v1/dead-letters/dlv_1-0/redrive",
                                      "POST /v1/dead-letters/dlv_2-0/redrive"));
}

TEST_F(DlqCommand, GoesOnOverAnIdThatIsNone) {
  door.replies = {{404, kProblem404}, {200, R"({"id":"dlv_2-0","status":"discarded"})"}};
  const CommandOutput output = review({.verb = "discard", .ids = {"../x", "dlv_2-0"}});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err, "tocsin: ../x: No dead letter has this id.\n");
  EXPECT_EQ(output.out, "dlv_2-0 discarded\n");
  EXPECT_EQ(door.asked.front(), "POST /v1/dead-letters/..%2Fx/discard");
}

TEST_F(DlqCommand, StopsWhenTheNextIdWouldFailAlike) {
  door.replies = {{503, "{}"}};
  const CommandOutput output = review({.verb = "approve", .ids = {"dlv_1-0", "dlv_2-0"}});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_THAT(door.asked, SizeIs(1));
}

TEST_F(DlqCommand, RedrivesAllOfAnOutputRequestByRequest) {
  door.replies = {{200, R"({"output":"mail","changed":1000,"gone":0,"next":"dlv_7-0"})"},
                  {200, R"({"output":"mail","changed":12,"gone":1})"}};
  const CommandOutput output =
      review({.verb = "redrive", .choice = {.output = "mail"}, .all = true, .approved = true});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "redriven 1012 dead letters of mail\n");
  EXPECT_THAT(door.asked, testing::Each("POST /v1/dead-letters/redrive"));
  EXPECT_THAT(door.bodies,
              ElementsAre(R"({"output":"mail","review":"approved"})",
                          R"({"output":"mail","review":"approved","before":"dlv_7-0"})"));
}

// As while another process takes the gateway's place.
TEST_F(DlqCommand, GoesOnWhenTheGatewayIsThereAgain) {
  constexpr const char* kDown = R"({"status":503,"detail":"The store is not open."})";
  door.replies = {{200, R"({"changed":5,"next":"dlv_7-0"})"},
                  {503, kDown},
                  {503, kDown},
                  {200, R"({"changed":3})"}};
  std::vector<Duration> waits;
  const CommandOutput output = review({.verb = "redrive",
                                       .choice = {.output = "mail"},
                                       .all = true,
                                       .rate = "10/s",
                                       .wait = [&](Duration wait) { waits.push_back(wait); }});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "redriven 8 dead letters of mail\n");
  EXPECT_EQ(waits.size(), 2U);
  ASSERT_EQ(door.bodies.size(), 4U);
  EXPECT_EQ(door.bodies[3], R"({"output":"mail","rate":"10/s","before":"dlv_7-0"})");
}

TEST_F(DlqCommand, DoesNotGoOnForEverNorWithWhatIsRefused) {
  int waits = 0;
  const auto count = [&](Duration) { ++waits; };
  door.replies = {{200, R"({"changed":5,"next":"dlv_7-0"})"}};
  EXPECT_EQ(
      review({.verb = "redrive", .choice = {.output = "a"}, .all = true, .wait = count}).exit_code,
      1);
  EXPECT_EQ(waits, 29);
  door.replies = {{200, R"({"changed":5,"next":"dlv_7-0"})"}, {403, R"({"detail":"no"})"}};
  waits = 0;
  review({.verb = "redrive", .choice = {.output = "a"}, .all = true, .wait = count});
  EXPECT_EQ(waits, 0);
  door.replies.clear();
  review({.verb = "redrive", .choice = {.output = "a"}, .all = true, .wait = count});
  EXPECT_EQ(waits, 0) << "a gateway that does not run is told of at once";
}

TEST_F(DlqCommand, SaysHowFarItCameWhenTheGatewayFails) {
  door.replies = {{200, R"({"output":"mail","changed":1,"next":"dlv_7-0"})"}};
  const CommandOutput output = review(
      {.verb = "discard", .choice = {.output = "mail"}, .all = true, .wait = [](Duration) {}});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err,
            "tocsin: nothing answers\n1 dead letter of mail discarded before that; the same "
            "command goes on "
            "with the rest\n");
}

TEST_F(DlqCommand, AnswersProgramsWithOneDocument) {
  door.replies = {{200, "{\"id\":\"dlv_1-0\",\"status\":\"approved\"}\n"}, {404, kProblem404}};
  const CommandOutput one = review({.verb = "approve", .ids = {"dlv_1-0", "x"}}, kPrograms);
  EXPECT_EQ(one.out, "[{\"id\":\"dlv_1-0\",\"status\":\"approved\"}]\n");
  EXPECT_EQ(one.exit_code, 1);
  door.replies = {{200, R"({"output":"mail","changed":2})"}};
  const CommandOutput all =
      review({.verb = "redrive", .choice = {.output = "mail"}, .all = true}, kPrograms);
  EXPECT_EQ(all.out, "{\"output\":\"mail\",\"changed\":2}\n");
}

TEST_F(DlqCommand, NeedsIdsOrAWholeOutput) {
  ReviewArguments wrong[] = {
      {.verb = "redrive"},
      {.verb = "redrive", .all = true},
      {.verb = "redrive", .choice = {.output = "mail"}},
      {.verb = "redrive", .ids = {"a"}, .choice = {.output = "mail"}, .all = true},
      {.verb = "redrive", .ids = {"a"}, .approved = true},
      {.verb = "redrive", .ids = {"a"}, .choice = {.output = "mail"}},
      {.verb = "redrive", .ids = {"a"}, .dry_run = true},
      {.verb = "redrive", .ids = {"a"}, .rate = "1/s"},
  };
  for (ReviewArguments& arguments : wrong) {
    EXPECT_EQ(review_dead_letters(arguments, kPeople, door).exit_code, 2);
  }
  EXPECT_THAT(door.asked, IsEmpty());
}

TEST_F(DlqCommand, SpeaksOfAnOutputThatIsNone) {
  door.replies = {
      {404, R"({"status":404,"detail":"There is no output mial.","pointer":"/output"})"}};
  const CommandOutput output =
      review({.verb = "redrive", .choice = {.output = "mial"}, .all = true});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err, "tocsin: /output: There is no output mial.\n");
  EXPECT_EQ(output.out, "");
}

TEST_F(DlqCommand, GoesOnOverADeliveryThatIsNoDeadLetterAnyMore) {
  door.replies = {{409, R"({"detail":"This delivery is no dead letter, it is ready."})"},
                  {200, R"({"id":"dlv_2-0","status":"redriven","output":"mail"})"}};
  const CommandOutput output = review({.verb = "redrive", .ids = {"dlv_1-0", "dlv_2-0"}});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_THAT(output.out, HasSubstr("dlv_2-0 redriven"));
}

TEST_F(DlqCommand, AsksForWhatIsMeant) {
  door.replies = {{200, R"({"dead_letters":[],"next":"dlv_7-0"})"}};
  const ListArguments arguments = {.choice = {.reason = "expired",
                                              .topic = "orders.*",
                                              .accepted_after = "2026-01-31T00:00:00+01:00"}};
  const CommandOutput output = list_dead_letters(arguments, kPeople, door);
  EXPECT_THAT(door.asked,
              ElementsAre("GET /v1/dead-letters?reason=expired&topic=orders.%2A"
                          "&accepted_after=2026-01-31T00%3A00%3A00%2B01%3A00&limit=50"));
  EXPECT_EQ(output.out,
            "none of those looked at\n\nThere may be more: tocsin dlq list --reason expired "
            "--topic orders.* "
            "--accepted-after 2026-01-31T00:00:00+01:00 --before dlv_7-0\n");
}

TEST_F(DlqCommand, MeansTheSameInstantInEachRequest) {
  door.replies = {{200, R"({"matched":1,"changed":1,"gone":0,"next":"dlv_7-0"})"},
                  {200, R"({"matched":1,"changed":1,"gone":0})"}};
  const CommandOutput output =
      review({.verb = "redrive", .choice = {.accepted_after = "2h"}, .all = true});
  EXPECT_EQ(output.out, "redriven 2 dead letters\n");
  ASSERT_EQ(door.bodies.size(), 2U);
  const auto first = read_json(door.bodies[0]);
  const auto second = read_json(door.bodies[1]);
  EXPECT_TRUE(first->string("accepted_after").ends_with("Z")) << door.bodies[0];
  EXPECT_EQ(first->string("accepted_after"), second->string("accepted_after"));
}

TEST_F(DlqCommand, ShowsWhatADryRunWouldChange) {
  const std::string first =
      R"({"matched":10000,"changed":0,"gone":0,"dry_run":true,"next":"dlv_7-0",)"
      R"("sample":[{"id":"dlv_9-0","output":"mail","attempts":5}]})";
  const std::string rest = R"({"matched":3,"changed":0,"gone":0,"dry_run":true,"sample":[]})";
  door.replies = {{200, first}, {200, rest}};
  ReviewArguments arguments{
      .verb = "discard", .choice = {.output = "mail"}, .all = true, .dry_run = true};
  const CommandOutput output = review_dead_letters(arguments, kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_THAT(output.out,
              HasSubstr("would discard 10003 dead letters of mail; nothing was changed\n"));
  EXPECT_THAT(output.out, HasSubstr("dlv_9-0"));
  EXPECT_THAT(door.bodies,
              ElementsAre(R"({"output":"mail","dry_run":true,"limit":10000})",
                          R"({"output":"mail","dry_run":true,"limit":10000,"before":"dlv_7-0"})"));
  door.replies = {{200, rest}};
  EXPECT_EQ(review_dead_letters(arguments, kPrograms, door).out,
            R"({"output":"mail","dry_run":true,"matched":3,"sample":[]})"
            "\n");
}

TEST_F(DlqCommand, SaysHowFarAPacedRedriveIs) {
  door.replies = {{200, R"({"matched":120,"changed":0,"dry_run":true})"},
                  {200, R"({"matched":50,"changed":50,"next":"dlv_7-0"})"},
                  {200, R"({"matched":70,"changed":69,"gone":1})"}};
  std::string told;
  ReviewArguments arguments{
      .verb = "redrive", .choice = {.reason = "exhausted"}, .all = true, .rate = "10/s"};
  arguments.progress = [&told](const std::string& line) { told += line; };
  const CommandOutput output = review_dead_letters(arguments, kPeople, door);
  EXPECT_EQ(told, "redriven 50 of 120\n");
  EXPECT_EQ(output.out, "redriven 119 dead letters\n");
  EXPECT_EQ(door.bodies[1], R"({"reason":"exhausted","rate":"10/s"})");
}

TEST_F(DlqCommand, LetsTheTimePassThatTheGatewayDoesNotKeepItFor) {
  door.replies = {{200, R"({"matched":1,"changed":1,"next":"dlv_7-0","wait_ms":10000})"},
                  {200, R"({"matched":1,"changed":1,"wait_ms":10000})"}};
  std::vector<Duration> waits;
  ReviewArguments arguments{
      .verb = "redrive", .choice = {.reason = "exhausted"}, .all = true, .rate = "1/10s"};
  arguments.wait = [&waits](Duration time) { waits.push_back(time); };
  const CommandOutput output = review_dead_letters(arguments, kPeople, door);
  EXPECT_EQ(output.out, "redriven 2 dead letters\n");
  EXPECT_EQ(waits, std::vector<Duration>{std::chrono::seconds(10)});
}

TEST_F(DlqCommand, CountsByOutputAndReason) {
  const auto group = [](int pending, const char* oldest, const char* newest) {
    return R"({"groups":[{"output":"mail","reason":"expired","pending":)" +
           std::to_string(pending) + R"(,"approved":0,"discarded":2,"oldest_accepted_at":")" +
           oldest + R"(","newest_accepted_at":")" + newest + "\"}]";
  };
  const std::string first = group(5, "2026-01-03T00:00:00.000Z", "2026-01-04T00:00:00.000Z");
  const std::string rest = group(1, "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z");
  const std::deque<AdminReply> replies = {{200, first + R"(,"next":"dlv_7-0"})"},
                                          {200, rest + "}"}};
  door.replies = replies;
  EXPECT_EQ(count_dead_letters({.output = "mail"}, kPeople, door).out,
            "OUTPUT  REASON   PENDING  APPROVED  DISCARDED  OLDEST                NEWEST\n"
            "mail    expired        6         0          4  2026-01-01 00:00:00Z  "
            "2026-01-04 00:00:00Z\n");
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/dead-letters/stats?output=mail",
                                      "GET /v1/dead-letters/stats?output=mail&before=dlv_7-0"));
  door.replies = replies;
  EXPECT_THAT(count_dead_letters({}, kPrograms, door).out, HasSubstr(R"("pending":6)"));
  door.replies = {{200, R"({"groups":[]})"}};
  EXPECT_EQ(count_dead_letters({}, kPeople, door).out, "no dead letters\n");
}

}  // namespace
}  // namespace tocsin::app
