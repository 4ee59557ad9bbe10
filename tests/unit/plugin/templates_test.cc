// Templates as a plugin gets them from the host.

#include "gateway/plugin/templates.h"

#include <gtest/gtest.h>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

class TemplatesTest : public PluginTest {
 protected:
  TemplatesTest() { ScriptedOutput::Script::script = &script; }

  // What is wrong with the text for an instance of this kind; empty: nothing is.
  std::string compile(Kind kind, std::string_view text, sdk::Escape escape = sdk::Escape::kNone) {
    instance = instance_of<ScriptedOutput>(kind);
    tocsin_fault why = {};
    why.size = sizeof(why);
    compiled = compile_template(instance->handle(), sdk::to_c(text),
                                static_cast<std::uint32_t>(escape), &why);
    return compiled == nullptr ? std::string(why.what, why.what_len) : std::string();
  }
  // The text, or the fault in brackets.
  std::string render(const tocsin_attempt* attempt = nullptr) {
    tocsin_fault why = {};
    why.size = sizeof(why);
    tocsin_str out = {};
    const std::uint32_t status = render_template(compiled, &notification, attempt, &out, &why);
    if (status == TOCSIN_OK) return std::string(sdk::view(out));
    return "[" + std::to_string(status) + " " + std::string(why.what, why.what_len) + "]";
  }
  ~TemplatesTest() override { free_template(compiled); }

  OutputScript script;
  InstancePtr instance;
  tocsin_template* compiled = nullptr;
  tocsin_notification notification = {.size = sizeof(tocsin_notification),
                                      .level = TOCSIN_LEVEL_ERROR,
                                      .topic = sdk::to_c("orders"),
                                      .title = sdk::to_c("<Paid twice>")};
};

TEST_F(TemplatesTest, AreFilledInFromTheAttempt) {
  ASSERT_EQ(compile(Kind::kOutput, "{{output}} {{id}} {{delivery_id}} {{address}} {{accepted_at}}"),
            "");
  tocsin_attempt attempt = {};
  attempt.size = sizeof(attempt);
  attempt.notification_id = sdk::to_c("ntf_1");
  attempt.delivery_id = sdk::to_c("dlv_1-0");
  attempt.address = sdk::to_c("phone:+15550111");
  attempt.accepted_at_ns = 1'000'000'000;
  EXPECT_EQ(render(&attempt), "test ntf_1 dlv_1-0 phone:+15550111 1970-01-01T00:00:01Z");
}

TEST_F(TemplatesTest, EscapeForTheTarget) {
  ASSERT_EQ(compile(Kind::kOutput, "{{level}}: {{title}}", sdk::Escape::kSlack), "");
  EXPECT_EQ(render(), "error: &lt;Paid twice&gt;");
}

TEST_F(TemplatesTest, OfAFilterKnowNoDelivery) {
  EXPECT_EQ(compile(Kind::kFilter, "{{topic}}\n{{id}}").substr(0, 24),
            "no notification has \"id\"");
}

TEST_F(TemplatesTest, SayWhereTheyAreBroken) {
  EXPECT_EQ(compile(Kind::kOutput, "{{topic}}\n{{#title}}"),
            "the section \"title\" is not closed (line 2, column 4 of the template)");
}

TEST_F(TemplatesTest, RefuseWhatBreaksTheContract) {
  EXPECT_EQ(compile_template(nullptr, sdk::to_c("x"), 0, nullptr), nullptr);
  ASSERT_NE(compile(Kind::kOutput, "x", static_cast<sdk::Escape>(99)), "");
  tocsin_str out = {};
  EXPECT_EQ(render_template(nullptr, &notification, nullptr, &out, nullptr),
            std::uint32_t{TOCSIN_INVALID});
}

TEST_F(TemplatesTest, CountWhatALimitCut) {
  ASSERT_EQ(compile(Kind::kOutput, "{{title | cut 5}}{{topic | cut 5}}{{level | cut 5}}"), "");
  EXPECT_EQ(render(),
            "<Pai\xE2\x80\xA6orde\xE2\x80\xA6"
            "error");
  EXPECT_EQ(instance->metrics().cuts->value(), 2U);
}

TEST_F(TemplatesTest, FailWithWordsWhenThereIsTooMuch) {
  const std::string body(600'000, 'b');
  notification.body = sdk::to_c(body);
  ASSERT_EQ(compile(Kind::kOutput, "{{body}}{{body}}"), "");
  EXPECT_EQ(render(), "[1 the rendered text is larger than 1 MiB]");
}

}  // namespace
}  // namespace tocsin::plugin
