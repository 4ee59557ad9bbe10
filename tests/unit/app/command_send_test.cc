#include "gateway/app/command_send.h"

#include <gmock/gmock.h>

#include "gateway/app/command_outputs.h"
#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const AdminArguments kPeople;

TEST(SendCommand, MakesANotificationOfItsPieces) {
  SendArguments told;
  told.topic = "orders.paid";
  told.level = "error";
  told.title = "No \"money\"";
  told.body = "at all";
  told.labels = {"host=a", "query=x=1", "empty="};
  told.data = R"({"a":[1]})";
  told.key = "k";
  told.to = {"email:a@b.example"};
  EXPECT_EQ(notification_json(told).value(),
            R"({"topic":"orders.paid","level":"error","title":"No \"money\"","body":"at all",)"
            R"("labels":{"host":"a","query":"x=1","empty":""},"data":{"a":[1]},"key":"k",)"
            R"("to":["email:a@b.example"]})");
}

TEST(SendCommand, SendsAWholeDocumentAsItIs) {
  FakeAdminDoor door;
  door.replies = {{202, R"({"id":"ntf_1","status":"accepted","deliveries":1})"}};
  SendArguments told;
  told.document = " {\"topic\": \"a\"}\n";
  told.idempotency_key = "once";
  const CommandOutput output = send(told, kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out, "accepted ntf_1, 1 delivery\n");
  EXPECT_EQ(door.asked.front(), "POST /v1/notifications");
  EXPECT_EQ(door.bodies.front(), *told.document);
  EXPECT_EQ(door.keys.front(), "once");
}

TEST(SendCommand, SaysWhichFilterDroppedIt) {
  FakeAdminDoor door;
  door.replies = {{202, R"({"status":"dropped","by":"level"})"}};
  SendArguments told;
  told.topic = "a";
  const CommandOutput output = send(told, kPeople, door);
  EXPECT_EQ(output.out, "dropped by the filter level\n");
  EXPECT_EQ(output.exit_code, 0);
}

TEST(SendCommand, SaysWhereANotificationIsWrong) {
  FakeAdminDoor door;
  const std::string problem =
      R"({"title":"Bad Request","status":400,"detail":"a label is text","pointer":"/labels/a"})";
  door.replies = {{400, problem}, {400, problem}};
  SendArguments told;
  told.topic = "a";
  const CommandOutput people = send(told, kPeople, door);
  EXPECT_EQ(people.exit_code, 1);
  EXPECT_EQ(people.err, "tocsin: /labels/a: a label is text\n");
  EXPECT_THAT(people.out, IsEmpty());
  EXPECT_EQ(send(told, {.json = true}, door).out, problem);
}

TEST(SendCommand, SaysHowToShowATokenWhenOneIsWanted) {
  FakeAdminDoor door;
  door.replies = {{401, R"({"detail":"No such token."})"}};
  SendArguments told;
  told.topic = "a";
  EXPECT_THAT(send(told, kPeople, door).err, HasSubstr("--token-file FILE"));
}

TEST(SendCommand, RefusesWhatItCannotSend) {
  FakeAdminDoor door;
  const auto exit_code = [&](const SendArguments& told) {
    return send(told, kPeople, door).exit_code;
  };
  SendArguments nothing;
  SendArguments both;
  both.topic = "a";
  both.document = "{}";
  SendArguments label;
  label.topic = "a";
  label.labels = {"=x"};
  SendArguments data;
  data.topic = "a";
  data.data = "{";
  SendArguments empty;
  empty.document = "";
  for (const SendArguments& told : {nothing, both, label, data, empty}) {
    EXPECT_EQ(exit_code(told), 2);
  }
  EXPECT_THAT(door.asked, IsEmpty());
}

TEST(SendCommand, ReadsAFileOrSaysWhyNot) {
  const auto none = read_document("/nonexistent/file.json");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().text(), HasSubstr("/nonexistent/file.json"));
  EXPECT_EQ(read_document("/dev/null").value(), "");
  EXPECT_EQ(read_document("/dev/zero").error().code, Code::kFull);
}

TEST(OutputsCommand, ShowsLanesAndBacklog) {
  FakeAdminDoor door;
  door.replies = {
      {200,
       R"({"outputs":[{"name":"mail","type":"smtp","state":"paused",)"
       R"("reason":"refused","breaker":"open","lane":"spilled",)"
       R"("in_flight":2,"in_memory":9,)"
       R"("ready":120,"dead":3,"oldest_ready_age_ms":7384567},{"name":"old","state":"orphaned","ready":1,)"
       R"("dead":0}]})"}};
  EXPECT_EQ(list_outputs(kPeople, door).out,
            "OUTPUT  TYPE  LANE     BREAKER  IN FLIGHT  WAITING  OVERDUE  DEAD  STATE\n"
            "mail    smtp  spilled  open             2      127  2h          3  paused: refused\n"
            "old           -        -                0        1  -           0  orphaned\n");
  door.replies = {{200, R"({"outputs":[]})"}};
  EXPECT_EQ(list_outputs(kPeople, door).out, "no outputs\n");
}

}  // namespace
}  // namespace tocsin::app
