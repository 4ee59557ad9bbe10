#include "gateway/template/template.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "tests/unit/template/rendered.h"

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
  notification.data = R"({"total": 1234.5, "paid": true, "void": false, "note": null,
                          "items": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]})";
  return notification;
}

Result<Rendered> render(std::string_view text, const Rules& rules) {
  const auto compiled = Template::compile(text, rules);
  EXPECT_TRUE(compiled) << text << ": " << (compiled ? "" : compiled.error().what);
  if (!compiled) return fail(Code::kInternal, "not compiled");
  const Notification notification = sample();
  return compiled->render({.notification = &notification});
}

std::string rendered(std::string_view text, Escape escape = Escape::kNone) {
  const Result<Rendered> result = render(text, {.escape = escape});
  return result ? result->text : "[" + result.error().text() + "]";
}

TEST(Template, FillsInFieldsAndLabels) {
  EXPECT_EQ(rendered("{{topic}}:{{level}}:{{labels.team}}"), "orders.paid:error:pay<ments>");
  EXPECT_EQ(rendered("{{labels[service.name]}} {{ labels.service.name }}"), "till till");
  EXPECT_EQ(rendered("no places"), "no places");
  EXPECT_EQ(rendered(""), "");
  EXPECT_EQ(rendered(" {{^topic}} {{/topic}} "), "  ");
}

TEST(Template, FillsInWhatTheDataHolds) {
  EXPECT_EQ(rendered("{{data.total}} {{data.paid}} {{data.void}} [{{data.note}}]"),
            "1234.5 true false []");
  EXPECT_EQ(rendered("{{#data.items}}{{n}}x{{sku}} of {{topic}};{{/data.items}}"),
            "2xa of orders.paid;1xb of orders.paid;");
  EXPECT_EQ(rendered("{{#data}}{{total}}{{#items}}{{sku}}{{/items}}{{/data}}"), "1234.5ab");
  EXPECT_EQ(rendered("{{#data.void}}no{{/data.void}}{{^data.void}}yes{{/data.void}}"), "yes");
  EXPECT_EQ(rendered("[{{data.items}}{{data.total.none}}]"), "[]");
}

TEST(Template, LeavesOutWhatIsNotThere) {
  EXPECT_EQ(rendered("[{{body}}{{labels.none}}{{key}}{{data.none}}]"), "[]");
}

TEST(Template, SaysWhatIsMissingWhenToldTo) {
  const Rules strict{.missing = Missing::kError};
  const Result<Rendered> body = render("{{topic}}\n {{body}}", strict);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, Code::kNotFound);
  EXPECT_EQ(body.error().text(), "line 2, column 4: the notification has no \"body\"");
  EXPECT_FALSE(render("{{labels.none}}", strict));
  EXPECT_FALSE(render("{{data.items}}", strict)) << "a list is no text";
  ASSERT_TRUE(render("{{body | default none}}{{^key}}!{{/key}}", strict));
  EXPECT_EQ(render("{{body | default none}}{{^key}}!{{/key}}", strict)->text, "none!");
}

TEST(Template, SectionsFollowTheFields) {
  EXPECT_EQ(rendered("{{#title}}yes{{/title}}{{#body}}no{{/body}}"), "yes");
  EXPECT_EQ(rendered("{{^body}}none{{/body}}{{^title}}no{{/title}}"), "none");
  EXPECT_EQ(rendered("{{#labels}}{{name}}={{value}};{{/labels}}"),
            "team=pay<ments>;service.name=till;");
  EXPECT_EQ(rendered("{{#level}}[{{.}}]{{/level}}"), "[error]");
}

TEST(Template, EscapesForItsTarget) {
  EXPECT_EQ(rendered("{{title}}", Escape::kHtml), "A &quot;title&quot; &amp; more");
  EXPECT_EQ(rendered("{{{title}}}{{&title}}", Escape::kHtml),
            "A \"title\" & moreA \"title\" & more");
  EXPECT_EQ(rendered("\"{{title}}\"", Escape::kJson), "\"A \\\"title\\\" & more\"");
  EXPECT_EQ(rendered("?q={{title}}", Escape::kUrl), "?q=A%20%22title%22%20%26%20more");
  EXPECT_EQ(rendered("{{labels.team}} {{title}}", Escape::kSlack),
            "pay&lt;ments&gt; A \"title\" &amp; more");
}

TEST(Template, EscapesTwiceWhereOneLanguageHoldsAnother) {
  EXPECT_EQ(rendered("\"<b>{{title | html}}</b>\"", Escape::kJson),
            "\"<b>A &quot;title&quot; &amp; more</b>\"");
}

TEST(Template, RendersTheSameAgain) {
  const auto compiled = Template::compile("{{topic}} {{#data.items}}{{sku}}{{/data.items}}");
  ASSERT_TRUE(compiled);
  const Notification notification = sample();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(compiled->render({.notification = &notification})->text, "orders.paid ab");
  }
}

TEST(Template, KnowsTheDeliveryWhereThereIsOne) {
  const auto compiled = Template::compile(
      "{{id}} {{delivery_id}} {{output}} {{address}} {{accepted_at}}", {.of_delivery = true});
  ASSERT_TRUE(compiled);
  const Notification notification = sample();
  const Result<Rendered> text = compiled->render({.notification = &notification,
                                                  .id = "ntf_1",
                                                  .delivery_id = "dlv_1-0",
                                                  .output = "ops",
                                                  .address = "email:a@b.example",
                                                  .accepted_at = WallTime(std::chrono::hours(1))});
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text, "ntf_1 dlv_1-0 ops email:a@b.example 1970-01-01T01:00:00Z");
  EXPECT_EQ(Template::compile("{{id}}").error().what.substr(0, 25), "no notification has \"id\";");
}

TEST(Template, IncludesPartsAndIndentsThem) {
  const Parts parts = {{"foot", "-- \n{{topic}}\n"}, {"twice", "{{> foot}}{{> foot}}"}};
  const Rules rules{.parts = &parts};
  EXPECT_EQ(render("a\n  {{> foot}}\nb", rules)->text, "a\n  -- \n  orders.paid\nb");
  EXPECT_EQ(render("{{> twice}}", rules)->text, "-- \norders.paid\n-- \norders.paid\n");
}

TEST(Template, CountsWhatItCut) {
  const Result<Rendered> cut = render("{{title | cut 5}} {{topic | cut 50}} {{level | cut 2}}", {});
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->text, "A \"t\xE2\x80\xA6 orders.paid e\xE2\x80\xA6");
  EXPECT_EQ(cut->cuts, 2U);
}

TEST(Template, EndsWhatGrowsWithoutBound) {
  std::string list = "[0";
  for (int i = 1; i < 2000; ++i) list += ",0";
  list += "]";
  const std::string data = R"({"a": )" + list + R"(, "b": )" + list + "}";
  EXPECT_EQ(rendered_with("{{#data.a}}{{#data.b}}{{/data.b}}{{/data.a}}", data),
            "[the template takes more than 20000 steps]");
  EXPECT_EQ(rendered_with("{{#data.a}}" + std::string(600, 'x') + "{{/data.a}}", data),
            "[the rendered text is larger than 1 MiB]");
  EXPECT_EQ(
      rendered_with(
          "{{#data.a}}{{^data.none}}" + std::string(600, 'x') + "{{/data.none}}{{/data.a}}", data),
      "[the rendered text is larger than 1 MiB]");
  EXPECT_EQ(rendered_with("{{#data.a}}{{topic | default x}}{{/data.a}}", data).size(), 10'000U);
}

TEST(Template, AcceptsExactlyWhatItMayHold) {
  const std::string most(kRenderedBytesMax - 3, 'x');
  Notification notification;
  notification.topic = "abc";
  notification.body = most;
  const auto compiled = Template::compile("{{body}}{{topic}}");
  EXPECT_EQ(compiled->render({.notification = &notification})->text.size(), kRenderedBytesMax);
  notification.topic = "abcd";
  EXPECT_EQ(compiled->render({.notification = &notification}).error().code, Code::kFull);
}

}  // namespace
}  // namespace tocsin::templates
