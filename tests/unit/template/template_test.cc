#include "gateway/template/template.h"

#include <gtest/gtest.h>

#include <array>

namespace tocsin::templates {
namespace {

using message::Label;
using message::Level;
using message::Notification;

constexpr std::array<Label, 2> kLabels = {{{"team", "pay<ments>"}, {"service.name", "till"}}};

Notification sample() {
  Notification notification;
  notification.topic = "orders.paid";
  notification.level = Level::kError;
  notification.title = "A \"title\" & more";
  notification.labels = kLabels;
  return notification;
}

std::string rendered(std::string_view text, Escape escape = Escape::kNone) {
  Result<Template> compiled = Template::compile(text, escape);
  EXPECT_TRUE(compiled) << text;
  std::string out;
  if (compiled) compiled->render(sample(), out);
  return out;
}

TEST(Template, FillsInFieldsAndLabels) {
  EXPECT_EQ(rendered("{{topic}}:{{level}}:{{labels.team}}"), "orders.paid:error:pay<ments>");
  EXPECT_EQ(rendered("{{labels[service.name]}}"), "till");
  EXPECT_EQ(rendered("no places"), "no places");
}

TEST(Template, LeavesOutWhatIsNotThere) {
  EXPECT_EQ(rendered("[{{body}}{{labels.none}}{{key}}]"), "[]");
}

TEST(Template, SectionsFollowTheFields) {
  EXPECT_EQ(rendered("{{#title}}yes{{/title}}{{#body}}no{{/body}}"), "yes");
  EXPECT_EQ(rendered("{{^body}}none{{/body}}{{^title}}no{{/title}}"), "none");
  EXPECT_EQ(rendered("{{#labels}}{{name}}={{value}};{{/labels}}"),
            "team=pay<ments>;service.name=till;");
}

TEST(Template, EscapesForItsTarget) {
  EXPECT_EQ(rendered("{{title}}", Escape::kHtml), "A &quot;title&quot; &amp; more");
  EXPECT_EQ(rendered("{{{title}}}", Escape::kHtml), "A \"title\" & more");
  EXPECT_EQ(rendered("\"{{title}}\"", Escape::kJson), "\"A \\\"title\\\" & more\"");
  EXPECT_EQ(rendered("?q={{title}}", Escape::kUrl), "?q=A%20%22title%22%20%26%20more");
}

TEST(Template, RendersTheSameAgain) {
  Result<Template> compiled = Template::compile("{{topic}} ");
  ASSERT_TRUE(compiled);
  std::string out;
  for (int i = 0; i < 3; ++i) compiled->render(sample(), out);
  EXPECT_EQ(out, "orders.paid orders.paid orders.paid ");
}

TEST(Template, RefusesWhatCannotBeFilledIn) {
  for (const std::string_view text :
       {"{{topic", "{{#title}}", "{{topik}}", "{{#title}}{{nothing}}{{/title}}",
        "{{^title}}{{nothing}}{{/title}}", "{{>partial}}"}) {
    const Result<Template> compiled = Template::compile(text);
    ASSERT_FALSE(compiled) << text;
    EXPECT_EQ(compiled.error().code, Code::kInvalid);
  }
  EXPECT_NE(Template::compile("{{topik}}").error().what.find("\"topik\""), std::string::npos);
}

}  // namespace
}  // namespace tocsin::templates
