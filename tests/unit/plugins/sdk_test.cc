// What plugin.hpp puts around the contract and no shipped plugin shows from outside.

#include <gtest/gtest.h>

#include <string>

#include "tocsin/plugin.hpp"
#include "tocsin/testing/fake_template.hpp"

namespace tocsin {
namespace {

TEST(Pending, FindsWhatIsUnderWayAndForgetsWhatIsOver) {
  sdk::Pending<std::string> pending;
  pending.add(7) = "seven";
  pending.add(8) = "eight";
  ASSERT_NE(pending.find(7), nullptr);
  EXPECT_EQ(*pending.find(7), "seven");
  EXPECT_TRUE(pending.remove(7));
  EXPECT_FALSE(pending.remove(7));
  EXPECT_EQ(pending.find(7), nullptr);
  EXPECT_EQ(*pending.find(8), "eight");
  EXPECT_EQ(pending.size(), 1U);
}

TEST(Pending, UsesWhatIsOverAgainWhereItStood) {
  sdk::Pending<std::string> pending;
  std::string& first = pending.add(1, "made from an argument");
  pending.remove(1);
  std::string& second = pending.add(2, "not looked at");
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(second, "made from an argument");
}

TEST(Pending, KeepsNoMoreThanItIsTold) {
  static int alive = 0;
  struct Counted {
    Counted() { ++alive; }
    ~Counted() { --alive; }
  };
  {
    sdk::Pending<Counted> pending(2);
    for (std::uint64_t token = 1; token <= 5; ++token) pending.add(token);
    for (std::uint64_t token = 1; token <= 5; ++token) pending.remove(token);
    EXPECT_EQ(alive, 2);
    pending.add(6);
    EXPECT_EQ(alive, 2);
  }
  EXPECT_EQ(alive, 0);
}

class TemplateTest : public ::testing::Test {
 protected:
  TemplateTest() {
    table.template_compile = testing::FakeTemplate::compile;
    table.template_render = testing::FakeTemplate::render;
    table.template_free = testing::FakeTemplate::free;
    c_fault.size = sizeof(c_fault);
    notification.size = sizeof(notification);
  }
  bool compile(std::string_view text) {
    return compiled.compile(sdk::InstanceHost(&table, nullptr), text, sdk::Escape::kNone, fault,
                            "body");
  }

  tocsin_host table{};
  tocsin_fault c_fault{};
  sdk::Fault fault{&c_fault};
  tocsin_notification notification{};
  sdk::Template compiled;
};

TEST_F(TemplateTest, AppendsAsMuchAsThereIs) {
  ASSERT_TRUE(compile("<{{body}}>"));
  for (const std::size_t length : {0U, 10U, 1021U, 1022U, 1023U, 5000U}) {
    const std::string body(length, 'b');
    notification.body = sdk::to_c(body);
    std::string out = "before ";
    compiled.render(sdk::Notification(notification), out);
    EXPECT_EQ(out, "before <" + body + ">");
  }
}

TEST_F(TemplateTest, LeavesTheTextAsItWasWhenItCannotBeFilledIn) {
  ASSERT_TRUE(compile("0123456789"));
  table.template_render = [](tocsin_template*, const tocsin_notification*, const tocsin_attempt*,
                             tocsin_str*, tocsin_fault* why) -> std::uint32_t {
    why->what_len = static_cast<std::uint32_t>(std::string_view("no body").copy(why->what, 7));
    return TOCSIN_NOT_FOUND;
  };
  std::string out = "before";
  std::string why;
  EXPECT_FALSE(compiled.render(sdk::Notification(notification), out, &why));
  EXPECT_EQ(out, "before");
  EXPECT_EQ(why, "no body");
}

TEST_F(TemplateTest, RendersToNothingUntilItIsCompiled) {
  std::string out = "before";
  compiled.render(sdk::Notification(notification), out);
  EXPECT_EQ(out, "before");
}

TEST_F(TemplateTest, NamesTheOptionThatHoldsABrokenText) {
  EXPECT_FALSE(compile("{{body"));
  EXPECT_EQ(fault.status(), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(std::string_view(c_fault.key, c_fault.key_len), "body");
  EXPECT_EQ(std::string_view(c_fault.what, c_fault.what_len), "a {{ is not closed");
}

TEST(FindHeader, ComparesNamesWithoutCaseAndTakesTheFirst) {
  const tocsin_header headers[] = {{sdk::to_c("A"), sdk::to_c("1")},
                                   {sdk::to_c("Content-TYPE"), sdk::to_c("2")},
                                   {sdk::to_c("content-type"), sdk::to_c("3")}};
  const sdk::Items<tocsin_header> all(headers, 3, sizeof(headers[0]));
  EXPECT_EQ(sdk::find_header(all, "content-type"), "2");
  EXPECT_EQ(sdk::find_header(all, "content_type"), "");
}

}  // namespace
}  // namespace tocsin
