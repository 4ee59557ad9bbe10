#include "gateway/app/command_outputs.h"

#include <gmock/gmock.h>

#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const AdminArguments kPeople;
const AdminArguments kPrograms = {.json = true};

TEST(OutputsCommand, ShowsWhyAnOutputIsPaused) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"outputs":[{"name":"sms","type":"twilio","state":"paused",)"
                        R"("reason":"it was found after crashes","lane":"spilled",)"
                        R"("in_flight":0,"in_memory":1,"ready":3,"dead":0}]})"}};
  EXPECT_THAT(list_outputs(kPeople, door).out, HasSubstr("paused: it was found after crashes"));
}

TEST(OutputsCommand, ResumesOneByItsName) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"output":"ops chat","status":"resumed"})"}};
  const CommandOutput output = resume_output("ops chat", kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "ops chat resumed\n");
  EXPECT_THAT(door.asked, ElementsAre("POST /v1/outputs/ops%20chat/resume"));
}

TEST(OutputsCommand, PausesOneByItsName) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"output":"ops chat","status":"paused"})"}};
  EXPECT_EQ(pause_output("ops chat", kPeople, door).out, "ops chat paused\n");
  EXPECT_THAT(door.asked, ElementsAre("POST /v1/outputs/ops%20chat/pause"));
}

TEST(OutputsCommand, TellsABreakerWhatToDo) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"output":"ops chat","breaker":"forced_open"})"}};
  const CommandOutput output = order_breaker("ops chat", "open", kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "the breaker of ops chat is forced_open\n");
  EXPECT_THAT(door.asked, ElementsAre("POST /v1/outputs/ops%20chat/breaker"));
  EXPECT_EQ(door.bodies.front(), R"({"state":"open"})");
}

TEST(OutputsCommand, WarnsOfAnOrderThatIsNotKept) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"output":"sms","breaker":"forced_open","kept":false})"},
                  {200, R"({"output":"sms","status":"paused","kept":false})"},
                  {200, R"({"output":"sms","status":"paused","kept":true})"}};
  const CommandOutput ordered = order_breaker("sms", "open", kPeople, door);
  EXPECT_EQ(ordered.exit_code, 0);
  EXPECT_THAT(ordered.err, HasSubstr("the store takes nothing"));
  const CommandOutput paused = pause_output("sms", kPrograms, door);
  EXPECT_THAT(paused.err, HasSubstr("the store takes nothing"));
  EXPECT_THAT(paused.out, HasSubstr(R"("kept":false)"));
  EXPECT_EQ(pause_output("sms", kPeople, door).err, "");
}

TEST(OutputsCommand, CountsWhatWaitsInMemoryToo) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"outputs":[{"name":"sms","type":"twilio","state":"running",)"
                        R"("in_flight":2,"in_memory":7,"ready":30,"dead":0}]})"}};
  EXPECT_THAT(list_outputs(kPeople, door).out, HasSubstr(" 35 "));
}

TEST(OutputsCommand, GivesProgramsTheAnswerAsItIs) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"output":"sms","status":"resumed"})"}};
  EXPECT_EQ(resume_output("sms", kPrograms, door).out, R"({"output":"sms","status":"resumed"})");
}

TEST(OutputsCommand, FailsForAnOutputThatIsNotThere) {
  FakeAdminDoor door;
  door.replies = {{404, R"({"title":"Not Found","status":404,"detail":"No such output."})"}};
  const CommandOutput output = resume_output("sms", kPeople, door);
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_THAT(output.err, HasSubstr("No such output."));
}

class OutputsMoveCommand : public testing::Test {
 protected:
  CommandOutput move(const MoveArguments& arguments, bool json = false) {
    return move_output(arguments, {.json = json}, door);
  }
  FakeAdminDoor door;
};

TEST_F(OutputsMoveCommand, AsksUntilNothingIsLeft) {
  door.replies = {{200, R"({"from":"old","to":"mail","ready":10000,"dead":0,"more":true})"},
                  {200, R"({"from":"old","to":"mail","ready":1,"dead":1,"more":false})"}};
  const CommandOutput output = move({.from = "old", .to = "mail", .dead = true});
  EXPECT_EQ(output.out, "moved 10001 waiting deliveries and 1 dead letter of old to mail\n");
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_THAT(door.asked, ElementsAre("POST /v1/outputs/move", "POST /v1/outputs/move"));
  EXPECT_EQ(door.bodies.front(), R"({"from":"old","to":"mail","dead":true,"dry_run":false})");
}

TEST_F(OutputsMoveCommand, SaysWhatItWouldMove) {
  door.replies = {{200, R"({"ready":1,"dead":0,"dry_run":true,"more":false})"}};
  EXPECT_EQ(move({.from = "old", .to = "mail", .dry_run = true}).out,
            "would move 1 waiting delivery and 0 dead letters of old to mail\n");
}

TEST_F(OutputsMoveCommand, AnswersPrograms) {
  door.replies = {{200, R"({"ready":2,"dead":0,"more":false})"}};
  EXPECT_EQ(move({.from = "old", .to = "mail"}, true).out,
            R"({"from":"old","to":"mail","ready":2,"dead":0,"dry_run":false})"
            "\n");
}

TEST_F(OutputsMoveCommand, SaysHowFarItCameWhenTheGatewayFails) {
  door.replies = {{200, R"({"ready":10000,"dead":0,"more":true})"}};
  const CommandOutput output = move({.from = "old", .to = "mail"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err,
            "tocsin: nothing answers\n"
            "10000 waiting deliveries and 0 dead letters moved before that\n");
}

}  // namespace
}  // namespace tocsin::app
