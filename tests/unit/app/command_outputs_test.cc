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

}  // namespace
}  // namespace tocsin::app
