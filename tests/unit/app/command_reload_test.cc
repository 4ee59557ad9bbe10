#include "gateway/app/command_reload.h"

#include <gtest/gtest.h>

#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

TEST(ReloadCommand, ShowsWhatChanged) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"status":"applied","snapshot":3,"changes":[)"
                        R"({"what":"output","name":"chat","how":"added"},)"
                        R"({"what":"routes","how":"changed"}]})"}};
  const CommandOutput output = reload({}, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out,
            "CHANGE   WHAT    NAME\n"
            "added    output  chat\n"
            "changed  routes\n"
            "snapshot 3 serves\n");
  EXPECT_EQ(door.asked, std::vector<std::string>{"POST /v1/reload"});
}

TEST(ReloadCommand, SaysThatNothingChanged) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"status":"unchanged","snapshot":1,"changes":[]})"}};
  EXPECT_EQ(reload({}, door).out, "nothing changed; snapshot 1 serves on\n");
}

TEST(ReloadCommand, ShowsEachFaultWithItsPlace) {
  FakeAdminDoor door;
  door.replies = {{422, R"({"title":"Unprocessable Content","status":422,"errors":[)"
                        R"({"file":"a.yaml","line":2,"column":5,"path":"outputs.x","message":"is )"
                        R"(wrong","hint":"write y"},)"
                        R"({"file":"","line":0,"column":0,"path":"storage","message":"is away",)"
                        R"("hint":""}]})"}};
  const CommandOutput output = reload({}, door);
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.err,
            "tocsin: the configuration was refused; the one before serves on\n"
            "a.yaml:2:5: outputs.x: is wrong; write y\n"
            "storage: is away\n");
}

}  // namespace
}  // namespace tocsin::app
