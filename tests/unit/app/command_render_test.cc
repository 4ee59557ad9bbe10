#include "gateway/app/command_render.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

constexpr std::string_view kConfig = R"(
templates: {missing: error, parts: {sign: "-- {{topic}}"}}
outputs:
  hook:
    type: webhook
    url: "http://127.0.0.1:1/{{{values.room}}}"
    content_type: text/plain
    headers: {Authorization: Bearer s3cret}
    body: "{{title}} {{>sign}}"
    values: {room: r00m}
    templates: {topics: {"stock.*": {body: "{{labels.item}} is short"}}}
  nothing: {type: "null"}
storage: {type: sqlite, path: o.db}
)";

CommandOutput rendered(const std::string& output, const std::string& event, bool json = false) {
  config::MemoryEnvironment environment;
  environment.files["f"] = kConfig;
  return render({.config_path = "f",
                 .output = output,
                 .event_path = "e.json",
                 .event = event,
                 .now = ManualClock().wall(),
                 .json = json},
                environment);
}

TEST(RenderCommand, ShowsEachTemplateAndTheRequestWithoutASecret) {
  const CommandOutput shown = rendered("hook", R"({"topic": "orders.paid", "title": "Paid"})");
  EXPECT_EQ(shown.err, "");
  EXPECT_EQ(shown.exit_code, 0);
  const std::string ids = shown.out.substr(shown.out.find("Idempotency-Key"), 34);
  EXPECT_EQ(ids.substr(0, 21), "Idempotency-Key: dlv_");
  EXPECT_EQ(shown.out.substr(0, shown.out.find("    Idempotency-Key")),
            "hook (webhook)\n"
            "\nurl\n    http://127.0.0.1:1/***\n"
            "\nbody\n    Paid -- orders.paid\n"
            "\nPOST http://127.0.0.1:1/***\n"
            "    Content-Type: text/plain\n"
            "    User-Agent: Tocsin/0.1\n"
            "    Authorization: ***\n");
  EXPECT_TRUE(shown.out.ends_with("\n    Tocsin-Attempt: 1\n\n    Paid -- orders.paid\n"));
}

TEST(RenderCommand, TakesTheTextOfTheTopic) {
  const CommandOutput shown =
      rendered("hook", R"({"topic": "stock.low", "labels": {"item": "bolts"}})", true);
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_NE(shown.out.find(R"({"option":"body","text":"bolts is short"})"), std::string::npos);
  EXPECT_NE(shown.out.find(R"("sent":true)"), std::string::npos);
}

TEST(RenderCommand, SaysWhyNothingWouldBeSent) {
  const CommandOutput shown = rendered("hook", R"({"topic": "stock.low"})");
  EXPECT_EQ(shown.exit_code, kUnsentExit);
  EXPECT_NE(shown.out.find("    line 1, column 3: the notification has no \"labels.item\"\n"),
            std::string::npos)
      << shown.out;
  EXPECT_NE(shown.out.find(
                "\nrejected: the body: line 1, column 3: the notification has no \"labels.item\""),
            std::string::npos)
      << shown.out;
  EXPECT_EQ(shown.out.find("POST"), std::string::npos);
}

TEST(RenderCommand, SuggestsTheOutputThatWasMeant) {
  EXPECT_EQ(rendered("hok", "{}").err, "tocsin: there is no output \"hok\"; did you mean hook?\n");
  EXPECT_EQ(rendered("hok", "{}").exit_code, kFaultExit);
  EXPECT_EQ(rendered("hok", "{}", true).out,
            "{\"error\":\"there is no output \\\"hok\\\"; did you mean hook?\"}\n");
}

TEST(RenderCommand, SaysWhatIsWrongWithTheEvent) {
  const CommandOutput shown = rendered("hook", R"({"topic": 7})");
  EXPECT_EQ(shown.exit_code, kFaultExit);
  EXPECT_EQ(shown.err.substr(0, 15), "e.json: /topic:");
}

TEST(RenderCommand, SaysThatAnOutputHasNoTemplates) {
  const CommandOutput shown = rendered("nothing", R"({"topic": "a"})");
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.out,
            "nothing (null)\n\nit has no templates, and what else it sends only a delivery would "
            "show\n");
}

}  // namespace
}  // namespace tocsin::app
