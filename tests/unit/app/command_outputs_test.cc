#include "gateway/app/command_outputs.h"

#include <gmock/gmock.h>

#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using testing::ElementsAre;

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
            "{\"from\":\"old\",\"to\":\"mail\",\"ready\":2,\"dead\":0,\"dry_"
            "run\":false}\n");
}

TEST_F(OutputsMoveCommand, SaysHowFarItCameWhenTheGatewayFails) {
  door.replies = {{200, R"({"ready":10000,"dead":0,"more":true})"}};
  const CommandOutput output = move({.from = "old", .to = "mail"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err,
            "tocsin: nothing answers\n10000 waiting deliveries and "
            "0 dead letters moved before "
            "that\n");
}

}  // namespace
}  // namespace tocsin::app
