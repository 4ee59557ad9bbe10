#include "gateway/app/command_audit.h"

#include <gmock/gmock.h>

#include "tests/unit/app/fake_admin_door.h"

namespace tocsin::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const AdminArguments kPeople;

TEST(AuditCommand, ListsChangesInColumns) {
  FakeAdminDoor door;
  door.replies = {
      {200,
       R"({"audit":[{"id":"a","at":"2026-01-31T23:59:59.999Z","who":"olga","role":"operator",)"
       R"("action":"dead_letter.redrive","target":"dlv_1-0","result":"ok","status":200,)"
       R"("peer":"10.0.0.7:1","detail":"Done."},{"id":"b","at":"2026-01-31T23:59:58.999Z","role":"nobody",)"
       R"("action":"notification.send","result":"unauthenticated","status":401,)"
       R"("detail":"No token."}]})"}};
  const CommandOutput output = list_audit({}, kPeople, door);
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_EQ(output.out,
            "TIME                  WHO   ROLE      ACTION               TARGET   RESULT           "
            "FROM        DETAIL\n"
            "2026-01-31 23:59:59Z  olga  operator  dead_letter.redrive  dlv_1-0  ok               "
            "10.0.0.7:1  Done.\n"
            "2026-01-31 23:59:58Z  -     nobody    notification.send             unauthenticated  "
            "            No token.\n");
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/audit?limit=50"));
}

TEST(AuditCommand, SaysHowToSeeTheNextPage) {
  FakeAdminDoor door;
  door.replies = {{200, R"({"audit":[{"id":"a"}],"next":"a"})"}};
  const CommandOutput output = list_audit({.before = "b&", .limit = 1}, kPeople, door);
  EXPECT_THAT(output.out, HasSubstr("tocsin audit --before a\n"));
  EXPECT_THAT(door.asked, ElementsAre("GET /v1/audit?limit=1&before=b%26"));
}

TEST(AuditCommand, SaysWhenThereIsNoneAndWhenItMayNot) {
  FakeAdminDoor door;
  door.replies = {
      {200, R"({"audit":[]})"},
      {403, R"({"title":"Forbidden","status":403,"detail":"This takes the role admin."})"}};
  EXPECT_EQ(list_audit({}, kPeople, door).out, "no changes\n");
  const CommandOutput refused = list_audit({}, kPeople, door);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("the role admin"));
}

TEST(AuditCommand, GivesProgramsTheAnswerAsItIs) {
  FakeAdminDoor door;
  const std::string text = "{\"audit\":[],\"new_member\":1}\n";
  door.replies = {{200, text}};
  EXPECT_EQ(list_audit({}, {.json = true}, door).out, text);
}

}  // namespace
}  // namespace tocsin::app
