#include "gateway/script/pattern.h"

#include <gtest/gtest.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <random>
#include <string>
#include <vector>

#include "gateway/script/state.h"

namespace tocsin::script {
namespace {

std::size_t end_of(std::string_view subject, std::string_view pattern, std::size_t at = 0) {
  std::int64_t steps = 1'000'000;
  return PatternMatcher(subject, pattern, steps).match(at);
}

TEST(Pattern, MatchesWhatTheManualSays) {
  EXPECT_EQ(end_of("hello", "h.l+o$"), 5U);
  EXPECT_EQ(end_of("hello", "h.l-l"), 3U);
  EXPECT_EQ(end_of("abc123", "%a+%d+"), 6U);
  EXPECT_EQ(end_of("key = value", "(%w+)%s*=%s*(%w+)"), 11U);
  EXPECT_EQ(end_of("(a(b)c)d", "%b()"), 7U);
  EXPECT_EQ(end_of("THE (quick) fox", "%f[%a]%a+", 0), 3U);
  EXPECT_EQ(end_of("'it's'", "(['\"]).-%1"), 4U);
  EXPECT_EQ(end_of("]", "[]]"), 1U);
  EXPECT_EQ(end_of("^", "[%^x]"), 1U);
  EXPECT_EQ(end_of("-", "[a-]"), 1U);
  EXPECT_EQ(end_of("x", "[^%s]?x"), 1U);
  EXPECT_EQ(end_of("abc", "abd"), PatternMatcher::kNone);
}

TEST(Pattern, CapturesTextsAndPlaces) {
  std::int64_t steps = 1000;
  PatternMatcher matcher("hello world", "()(%w+) ()", steps);
  ASSERT_EQ(matcher.match(0), 6U);
  ASSERT_EQ(matcher.captures(), 3U);
  EXPECT_EQ(matcher.capture(0).length, PatternMatcher::kPosition);
  EXPECT_EQ(matcher.capture(1).length, 5U);
  EXPECT_EQ(matcher.capture(2).begin, 6U);
}

TEST(Pattern, SaysWhatIsWrong) {
  using Fault = PatternMatcher::Fault;
  const auto fault_of = [](std::string_view pattern) {
    std::int64_t steps = 1000;
    PatternMatcher matcher("aaa", pattern, steps);
    EXPECT_EQ(matcher.match(0), PatternMatcher::kNone);
    return matcher.fault();
  };
  EXPECT_EQ(fault_of("%"), Fault::kEndsWithPercent);
  EXPECT_EQ(fault_of("[a"), Fault::kSetNotClosed);
  EXPECT_EQ(fault_of("[%"), Fault::kSetNotClosed);
  EXPECT_EQ(fault_of("%b"), Fault::kBalanceNeedsTwo);
  EXPECT_EQ(fault_of("%f"), Fault::kFrontierNeedsSet);
  EXPECT_EQ(fault_of("a)"), Fault::kCaptureNotOpen);
  EXPECT_EQ(fault_of("%1"), Fault::kUnknownCapture);
  EXPECT_EQ(fault_of("(a%1)"), Fault::kUnknownCapture);
  EXPECT_EQ(fault_of(std::string(33, '(')), Fault::kTooManyCaptures);
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "a?";
  EXPECT_EQ(fault_of(deep + "b"), Fault::kTooDeep);
}

TEST(Pattern, StopsWhenItsStepsAreSpent) {
  const std::string subject(2000, 'a');
  std::int64_t steps = 100'000;
  PatternMatcher matcher(subject, "a*a*a*a*b", steps);
  EXPECT_EQ(matcher.match(0), PatternMatcher::kNone);
  EXPECT_EQ(matcher.fault(), PatternMatcher::Fault::kStepsSpent);
  EXPECT_LT(steps, 0);
  EXPECT_GT(steps, -1000);
}

// ---- the same as Lua's own

/// Runs one expression and shows its results; errors are alike, whatever they say.
std::string evaluate(lua_State* lua, const std::string& expression) {
  lua_settop(lua, 0);
  const std::string chunk = "return " + expression;
  std::string shown;
  if (luaL_loadbufferx(lua, chunk.data(), chunk.size(), "=x", "t") != LUA_OK ||
      lua_pcall(lua, 0, LUA_MULTRET, 0) != LUA_OK) {
    return "error";
  }
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    shown += std::string(luaL_typename(lua, i)) + ":" + luaL_tolstring(lua, i, nullptr) + "|";
    lua_settop(lua, lua_gettop(lua) - 1);
  }
  return shown;
}

class SameAsLua : public ::testing::Test {
 protected:
  SameAsLua() : own_(*State::create({}, SystemClock::instance())), lua_(luaL_newstate()) {
    luaL_openlibs(lua_);
  }
  ~SameAsLua() override { lua_close(lua_); }

  void compare(const std::string& expression) {
    own_->enter(10'000'000);
    const std::string ours = evaluate(own_->main(), expression);
    own_->leave();
    EXPECT_EQ(ours, evaluate(lua_, expression)) << expression;
  }

 private:
  std::unique_ptr<State> own_;
  lua_State* lua_;
};

std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

TEST_F(SameAsLua, OnRandomSubjectsAndPatterns) {
  std::mt19937 random(20261121);
  const auto pick = [&random](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  const std::vector<std::string> letters = {"a", "b",   "ab", " ", "1", "(",
                                            ")", "x.y", "%",  "B", "-"};
  const std::vector<std::string> items = {"a",    "b",     ".",     "%a",   "%d",     "%s", "[ab]",
                                          "[^a]", "[a-c]", "[%a_]", "%w",   "%W",     "%p", "(a)",
                                          "(.)",  "()",    "(%a+)", "%b()", "%f[%a]", "%1", "$",
                                          "^",    "(",     ")",     "[",    "%"};
  const std::vector<std::string> quantifiers = {"", "", "", "*", "+", "-", "?"};
  for (int round = 0; round < 20'000; ++round) {
    std::string subject;
    for (auto i = random() % 8; i > 0; --i) subject += pick(letters);
    std::string pattern = random() % 4 == 0 ? "^" : "";
    for (auto i = random() % 5; i > 0; --i) pattern += pick(items) + pick(quantifiers);
    const std::string both = in_quotes(subject) + ", " + in_quotes(pattern);
    const std::string from = std::to_string(static_cast<int>(random() % 9) - 4);
    compare("string.find(" + both + ", " + from + ")");
    compare("string.match(" + both + ", " + from + ")");
    compare("string.gsub(" + both + ", '<%0%1>')");
    compare("string.gsub(" + both + ", {a = 'A', b = false, ['1'] = 2}, 2)");
    compare("string.gsub(" + both + ", function(x, y) return y end)");
    compare("(function() local t = {} for x, y in string.gmatch(" + both +
            ") do t[#t + 1] = tostring(x) .. tostring(y) end return table.concat(t, ',') end)()");
    if (HasFailure()) return;
  }
}

TEST_F(SameAsLua, AtTheEdges) {
  for (const char* expression : {"('abc'):find('b', 1, true)",
                                 "('a.c'):find('.', 1, true)",
                                 "('abc'):find('', 10)",
                                 "('abc'):find('', 4)",
                                 "('abc'):find('', -10)",
                                 "(''):find('')",
                                 "('abc'):match('')",
                                 "('abc'):gsub('', '-')",
                                 "('abc'):gsub('%w', '%%%0')",
                                 "('abc'):gsub('%w', '%2')",
                                 "('abc'):gsub('%w', '%x')",
                                 "('abc'):gsub('b', 1)",
                                 "('abc'):gsub('b', true)",
                                 "('abc'):gsub('b', function() return {} end)",
                                 "('x'):rep(3, ',')",
                                 "('x'):rep(0)",
                                 "('x'):rep(-1, 'y')",
                                 "(''):rep(5, 'y')",
                                 "('hello world'):gsub('o', '0', 1)",
                                 "string.gmatch('abc', '%w', 2)()",
                                 "string.gsub('abc', '(b)()', '%2')",
                                 "string.match('abc', '(a')",
                                 "string.gsub('abc', '(a', 'x')",
                                 "string.find('a\\0b', '%z')",
                                 "string.find('a\\0b', '\\0')"}) {
    compare(expression);
  }
}

}  // namespace
}  // namespace tocsin::script
