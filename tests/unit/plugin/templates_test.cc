// Templates as a plugin gets them from the host.

#include "gateway/plugin/templates.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

class TemplatesTest : public PluginTest {
 protected:
  TemplatesTest() { ScriptedOutput::Script::script = &script; }

  // What is wrong with the text for an instance of this kind; empty: nothing is.
  std::string compile(Kind kind, std::string_view text, sdk::Escape escape = sdk::Escape::kNone,
                      const Value& settings = Value(Value::Map(), Place())) {
    free_template(std::exchange(compiled, nullptr));
    instance = instance_of<ScriptedOutput>(kind, settings);
    return compile_again("body", text, escape);
  }
  std::string compile_again(std::string_view option, std::string_view text,
                            sdk::Escape escape = sdk::Escape::kNone) {
    free_template(std::exchange(compiled, nullptr));
    tocsin_fault why = {};
    why.size = sizeof(why);
    compiled = compile_template(instance->handle(), sdk::to_c(option), sdk::to_c(text),
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
  EXPECT_EQ(compile_template(nullptr, {}, sdk::to_c("x"), 0, nullptr), nullptr);
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

// ---- what the configuration says of them

Value of_topic(std::string topic, std::string option, std::string text) {
  return settings_of(
      {{std::move(topic), settings_of({{std::move(option), text_value(std::move(text))}})}});
}

templates::SettingsPtr with_parts(templates::Parts parts,
                                  templates::Missing missing = templates::Missing::kEmpty) {
  return std::make_shared<const templates::Settings>(
      templates::Settings{std::move(parts), missing, "UTC"});
}

TEST_F(TemplatesTest, IncludeThePartsOfTheConfiguration) {
  services.templates = with_parts({{"sign", "-- {{topic}}"}});
  ASSERT_EQ(compile(Kind::kOutput, "{{title}} {{>sign}}"), "");
  EXPECT_EQ(render(), "<Paid twice> -- orders");
  EXPECT_EQ(compile(Kind::kOutput, "{{>sing}}"),
            "there is no part \"sing\"; did you mean sign? (line 1, column 4 of the template)");
}

TEST_F(TemplatesTest, NameThePartThatIsBroken) {
  services.templates = with_parts({{"sign", "{{topik}}"}});
  EXPECT_EQ(
      compile(Kind::kOutput, "{{>sign}}"),
      "no notification has \"topik\"; did you mean topic? (in the part sign of the template)");
}

TEST_F(TemplatesTest, MissValuesAsTheConfigurationSaysUnlessTheOutputSaysOtherwise) {
  services.templates = with_parts({}, templates::Missing::kError);
  ASSERT_EQ(compile(Kind::kOutput, "{{key}}"), "");
  EXPECT_EQ(render(), "[4 line 1, column 3: the notification has no \"key\"]");
  const Value own = settings_of({{"templates", settings_of({{"missing", text_value("empty")}})}});
  ASSERT_EQ(compile(Kind::kOutput, "{{key}}", sdk::Escape::kNone, own), "");
  EXPECT_EQ(render(), "");
}

TEST_F(TemplatesTest, TakeTheZoneOfTheOutput) {
  const Value own =
      settings_of({{"templates", settings_of({{"time_zone", text_value("Asia/Tokyo")}})}});
  ASSERT_EQ(compile(Kind::kOutput, "{{accepted_at | time %H:%M}}", sdk::Escape::kNone, own), "");
  tocsin_attempt attempt = {};
  attempt.size = sizeof(attempt);
  attempt.accepted_at_ns = 1'000'000'000;
  EXPECT_EQ(render(&attempt), "09:00");
}

TEST_F(TemplatesTest, AreOthersForSomeTopicsOfTheirOptionAlone) {
  const Value topics = of_topic("orders.**", "body", "{{topic}}, an order");
  const Value own = settings_of({{"templates", settings_of({{"topics", topics}})}});
  ASSERT_EQ(compile(Kind::kOutput, "{{topic}}", sdk::Escape::kNone, own), "");
  EXPECT_EQ(render(), "orders, an order");
  notification.topic = sdk::to_c("stock.low");
  EXPECT_EQ(render(), "stock.low");
  notification.topic = sdk::to_c("orders");
  ASSERT_EQ(compile_again("subject", "{{topic}}"), "");
  EXPECT_EQ(render(), "orders");
}

TEST_F(TemplatesTest, SayForWhichTopicOneIsBroken) {
  const Value topics = of_topic("orders.*", "body", "{{#title}}");
  const Value own = settings_of({{"templates", settings_of({{"topics", topics}})}});
  EXPECT_EQ(compile(Kind::kOutput, "fine", sdk::Escape::kNone, own),
            "the section \"title\" is not closed (line 1, column 4 of the template for orders.*)");
}

TEST_F(TemplatesTest, AreRememberedOnceWithTheirOptionAndTarget) {
  ASSERT_EQ(compile(Kind::kOutput, "{{title}}", sdk::Escape::kJson), "");
  ASSERT_EQ(compile_again("body", "{{title}}", sdk::Escape::kJson), "");
  EXPECT_EQ(instance->template_uses(),
            (std::vector<TemplateUse>{{"body", "{{title}}", templates::Escape::kJson}}));
}

}  // namespace
}  // namespace tocsin::plugin
