// Every way in which a template can be wrong, with the place and the words that its writer reads.

#include <gtest/gtest.h>

#include "gateway/template/template.h"

namespace tocsin::templates {
namespace {

struct Case {
  std::string_view text;
  std::string_view place;  // line:column
  std::string_view what;   // how the sentence begins
};

std::string place_of(std::string_view text, const TextFault& fault) {
  const Spot spot = spot_of(text, fault.offset);
  return std::to_string(spot.line) + ":" + std::to_string(spot.column);
}

const Parts& parts() {
  static const Parts made = {{"ok", "fine"},
                             {"self", "a{{> self}}"},
                             {"ping", "{{> pong}}"},
                             {"pong", "{{> ping}}"},
                             {"open", "x\n{{#title}}"},
                             {"shut", "{{/title}}"},
                             {"typo", "one\n two {{titel}}"}};
  return made;
}

TEST(TemplateFaults, HaveAPlaceAndSayWhatIsWrong) {
  const Case cases[] = {
      {"{{topic", "1:1", "what begins here with {{ is not closed by }}"},
      {"a\n\xC3\xA4 {{{topic}}", "2:3", "what begins here with {{ is not closed by }}}"},
      {"{{=<% %>}}", "1:1", "what begins here with {{ is not closed by =}}"},
      {"{{}}", "1:1", "this tag names nothing"},
      {"{{# }}", "1:1", "this tag names nothing"},
      {"{{#title}}", "1:4", "the section \"title\" is not closed"},
      {"a{{/title}}", "1:5", "no section \"title\" is open here"},
      {"{{#title}}\n{{#body}}{{/title}}", "2:13",
       "the section that is open here is \"body\", not \"title\""},
      {"{{topik}}", "1:3", "no notification has \"topik\"; did you mean topic?"},
      {"{{xyzzy}}", "1:3",
       "no notification has \"xyzzy\"; there are topic, level, title, body, key, external_id, "
       "deliver_at, expires_at, labels, data, labels.NAME and data.NAME"},
      {"{{#title}}{{nothing}}{{/title}}", "1:13", "no notification has \"nothing\""},
      {"{{^data}}{{nothing}}{{/data}}", "1:12", "no notification has \"nothing\""},
      {"{{data..x}}", "1:3", "no notification has \"data..x\""},
      {"{{labels}}", "1:3", "labels are many"},
      {"{{.}}", "1:3", "{{.}} is what a section stands for"},
      {"{{title body}}", "1:3", "a tag holds one name"},
      {"{{labels[a}}", "1:3", "a quote or a bracket is not closed"},
      {"{{title | default \"x}}", "1:3", "a quote or a bracket is not closed"},
      {"{{title |}}", "1:3", "a helper's name is missing behind |"},
      {"{{title | cutt 3}}", "1:3", "there is no helper \"cutt\"; did you mean cut?"},
      {"{{title | cut}}", "1:3", "cut takes a number from 1"},
      {"{{title | cut 0}}", "1:3", "cut takes a number from 1"},
      {"{{title | cut 5 words}}", "1:3", "cut takes a number from 1"},
      {"{{title | number x}}", "1:3", "number takes how many decimals"},
      {"{{title | number 19}}", "1:3", "number takes how many decimals"},
      {"{{title | time}}", "1:3", "time takes a format and a zone"},
      {"{{title | time %H Mars/Base}}", "1:3", "this machine's tz database has no zone"},
      {"{{title | time %H /etc/passwd}}", "1:3", "this machine's tz database has no zone"},
      {"{{title | html 5}}", "1:3", "html takes no argument"},
      {"{{#title | cut 5}}{{/title}}", "1:4", "a section takes no helpers"},
      {"{{=<%%>=}}", "1:1", "new delimiters are two"},
      {"{{=<= =>=}}", "1:1", "a delimiter holds neither blanks nor ="},
      {"a\x01", "1:2", "a control character stands here"},
      {"a\xFF", "1:2", "this is not UTF-8"},
      {"{{> none}}", "1:5", "there is no part \"none\""},
  };
  for (const Case& one : cases) {
    const auto compiled = Template::compile(one.text, {.parts = &parts()});
    ASSERT_FALSE(compiled) << one.text;
    EXPECT_EQ(place_of(one.text, compiled.error()), one.place) << one.text;
    EXPECT_EQ(compiled.error().what.substr(0, one.what.size()), one.what) << one.text;
    EXPECT_EQ(compiled.error().part, "") << one.text;
  }
}

TEST(TemplateFaults, OfPartsNameThePart) {
  struct PartCase {
    std::string_view text, part, place, what;
  };
  const PartCase cases[] = {
      {"{{> self}}", "self", "1:6", "the part \"self\" includes itself"},
      {"{{> ping}}", "pong", "1:5", "the part \"ping\" includes itself"},
      {"{{> open}}{{/title}}", "open", "2:4", "the section \"title\" is not closed"},
      {"{{#title}}{{> shut}}", "shut", "1:4", "no section \"title\" is open here"},
      {"a\n    {{> typo}}\n", "typo", "2:8", "no notification has \"titel\""},
  };
  for (const PartCase& one : cases) {
    const auto compiled = Template::compile(one.text, {.parts = &parts()});
    ASSERT_FALSE(compiled) << one.text;
    EXPECT_EQ(compiled.error().part, one.part);
    EXPECT_EQ(place_of(parts().at(compiled.error().part), compiled.error()), one.place) << one.text;
    EXPECT_EQ(compiled.error().what.substr(0, one.what.size()), one.what) << one.text;
  }
}

TEST(TemplateFaults, LimitsAreNamed) {
  EXPECT_EQ(Template::compile(std::string(kTemplateBytesMax + 1, 'x')).error().what,
            "a template has at most 64 KiB");
  EXPECT_TRUE(Template::compile(std::string(kTemplateBytesMax, 'x')));

  std::string open, close;
  for (std::size_t i = 0; i < kSectionDepthMax; ++i) {
    open += "{{#title}}";
    close += "{{/title}}";
  }
  EXPECT_TRUE(Template::compile(open + close));
  EXPECT_EQ(Template::compile(open + "{{#title}}{{/title}}" + close).error().what,
            "more than 32 sections stand inside one another");

  Parts chain;
  for (std::size_t i = 0; i < kPartDepthMax; ++i) {
    chain["p" + std::to_string(i)] = "{{> p" + std::to_string(i + 1) + "}}";
  }
  chain["p" + std::to_string(kPartDepthMax)] = "end";
  EXPECT_TRUE(Template::compile("{{> p1}}", {.parts = &chain}));
  EXPECT_EQ(Template::compile("{{> p0}}", {.parts = &chain}).error().what,
            "more than 8 parts include one another");

  const Parts large = {{"large", std::string(60'000, 'x')}};
  EXPECT_TRUE(Template::compile("{{> large}}{{> large}}", {.parts = &large}));
  EXPECT_EQ(Template::compile("{{> large}}{{> large}}{{> large}}{{> large}}{{> large}}x",
                              {.parts = &large})
                .error()
                .what,
            "with what it includes the template is larger than 256 KiB");
}

}  // namespace
}  // namespace tocsin::templates
