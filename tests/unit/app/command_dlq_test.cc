#include "gateway/app/command_dlq.h"

#include <gmock/gmock.h>

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
                        R"("updated_at":"2026-01-31T23:59:59.999Z","reason":"550\nno such user",)"
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
  const CommandOutput output =
      list_dead_letters({.output = "a&b", .before = "dlv_9-0", .limit = 1}, kPeople, door);
  EXPECT_THAT(output.out, HasSubstr("tocsin dlq list --output a&b --before dlv_2-0\n"));
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/dead-letters?limit=1&output=a%26b&before=dlv_9-0"));
}

TEST_F(DlqCommand, SaysWhenThereIsNone) {
  door.replies = {{200, R"({"dead_letters":[]})"}};
  EXPECT_EQ(list_dead_letters({}, kPeople, door).out, "no dead letters\n");
}

TEST_F(DlqCommand, ShowsALetterWithItsNotification) {
  door.replies = {{200, R"({"id":"dlv_1-0","output":"mail","state":"dead","review":"pending",)"
                        R"("attempts":5,"updated_at":"2026-01-31T23:59:59.999Z","reason":"550",)"
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
      review({.verb = "redrive", .output = "mail", .all = true, .approved = true});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "redriven 1012 dead letters of mail\n");
  EXPECT_THAT(door.asked, testing::Each("POST /v1/dead-letters/redrive"));
  EXPECT_THAT(door.bodies,
              ElementsAre(R"({"output":"mail","review":"approved"})",
                          R"({"output":"mail","review":"approved","before":"dlv_7-0"})"));
}

TEST_F(DlqCommand, SaysHowFarItCameWhenTheGatewayFails) {
  door.replies = {{200, R"({"output":"mail","changed":1,"next":"dlv_7-0"})"}};
  const CommandOutput output = review({.verb = "discard", .output = "mail", .all = true});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err, "tocsin: nothing answers\n1 dead letter of mail discarded before that\n");
}

TEST_F(DlqCommand, AnswersProgramsWithOneDocument) {
  door.replies = {{200, "{\"id\":\"dlv_1-0\",\"status\":\"approved\"}\n"}, {404, kProblem404}};
  const CommandOutput one = review({.verb = "approve", .ids = {"dlv_1-0", "x"}}, kPrograms);
  EXPECT_EQ(one.out, "[{\"id\":\"dlv_1-0\",\"status\":\"approved\"}]\n");
  EXPECT_EQ(one.exit_code, 1);
  door.replies = {{200, R"({"output":"mail","changed":2})"}};
  const CommandOutput all = review({.verb = "redrive", .output = "mail", .all = true}, kPrograms);
  EXPECT_EQ(all.out, "{\"output\":\"mail\",\"changed\":2}\n");
}

TEST_F(DlqCommand, NeedsIdsOrAWholeOutput) {
  const ReviewArguments wrong[] = {
      {.verb = "redrive"},
      {.verb = "redrive", .all = true},
      {.verb = "redrive", .output = "mail"},
      {.verb = "redrive", .ids = {"a"}, .output = "mail", .all = true},
      {.verb = "redrive", .ids = {"a"}, .approved = true},
      {.verb = "redrive", .ids = {"a"}, .output = "mail"},
  };
  for (const ReviewArguments& arguments : wrong) EXPECT_EQ(review(arguments).exit_code, 2);
  EXPECT_THAT(door.asked, IsEmpty());
}

}  // namespace
}  // namespace tocsin::app
