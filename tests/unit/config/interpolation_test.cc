#include "gateway/config/interpolation.h"

#include <gtest/gtest.h>

#include "gateway/config/limits.h"

namespace tocsin::config {
namespace {

MemoryEnvironment sample() {
  MemoryEnvironment environment;
  environment.variables = {
      {"PORT", "8080"}, {"EMPTY", ""}, {"NESTED", "${PORT} $$ ${"}, {"BAD", "\xFF"}};
  environment.files = {
      {"/run/token", "s3cret\n"}, {"/run/two", "a\n\n"},
      {"/run/crlf", "a\r\n"},     {"/run/bytes", std::string("a\0b", 3)},
      {"dir/near", "here"},       {"/run/large", std::string(kValueFileBytesMax + 1, 'x')}};
  return environment;
}

std::string filled(std::string_view text) {
  const auto result = interpolate(text, "dir/", sample());
  return result ? result->text : "fault: " + result.error().message;
}

TEST(Interpolation, FillsInVariablesDefaultsAndFiles) {
  EXPECT_EQ(filled("plain"), "plain");
  EXPECT_EQ(filled("${PORT}"), "8080");
  EXPECT_EQ(filled(":${PORT}/${PORT}"), ":8080/8080");
  EXPECT_EQ(filled("${UNSET:fallback}"), "fallback");
  EXPECT_EQ(filled("${UNSET:}"), "");
  EXPECT_EQ(filled("${UNSET:a:b}"), "a:b");
  EXPECT_EQ(filled("${PORT:9}"), "8080");
  EXPECT_EQ(filled("${file:/run/token}"), "s3cret");
  EXPECT_EQ(filled("${file:near}"), "here") << "relative to the file that says so";
}

TEST(Interpolation, KeepsAVariableThatIsSetButEmpty) {
  EXPECT_EQ(filled("${EMPTY}"), "");
  EXPECT_EQ(filled("${EMPTY:fallback}"), "");
}

TEST(Interpolation, CutsOneTrailingNewlineOfAFile) {
  EXPECT_EQ(filled("${file:/run/two}"), "a\n");
  EXPECT_EQ(filled("${file:/run/crlf}"), "a");
}

TEST(Interpolation, NeverReadsAgainWhatItFilledIn) {
  EXPECT_EQ(filled("${NESTED}"), "${PORT} $$ ${");
}

TEST(Interpolation, TakesTwoDollarsForOne) {
  EXPECT_EQ(filled("$$"), "$");
  EXPECT_EQ(filled("$${PORT}"), "${PORT}");
  EXPECT_EQ(filled("$$${PORT}"), "$8080");
  EXPECT_EQ(filled("^a$ costs $5 $"), "^a$ costs $5 $");
}

TEST(Interpolation, ExplainsEveryFault) {
  EXPECT_EQ(filled("${UNSET}"), "fault: the variable UNSET is not set");
  EXPECT_EQ(filled("a ${PORT"), "fault: a ${ is never closed");
  EXPECT_EQ(filled("${}"), "fault: ${} names no variable");
  EXPECT_EQ(filled("${9X}"), "fault: ${9X} names no variable");
  EXPECT_EQ(filled("${A B}"), "fault: ${A B} names no variable");
  EXPECT_EQ(filled("${UNSET:-x}"), "fault: ${UNSET:-x} is a shell's form");
  EXPECT_EQ(filled("${A:${B}}"), "fault: a ${ stands inside another");
  EXPECT_EQ(filled("${BAD}"), "fault: the variable BAD holds bytes that are not UTF-8 text");
  EXPECT_EQ(filled("${file:}"), "fault: ${file:} names no file");
  EXPECT_EQ(filled("${file:/run/bytes}"),
            "fault: the file /run/bytes holds bytes that are not UTF-8 text");
  EXPECT_EQ(filled("${file:/run/large}"),
            "fault: the file /run/large cannot be filled in: it is larger than 65536 bytes");
  EXPECT_EQ(
      filled("${file:/none}"),
      "fault: the file /none cannot be filled in: it cannot be read: No such file or directory");
}

// They were variables called `env` and so on, with the rest as their default.
TEST(Interpolation, RefusesThePrefixesOfOtherTools) {
  const auto fault = [](std::string_view text) {
    const auto result = interpolate(text, "dir/", sample());
    return result ? "filled: " + result->text
                  : result.error().message + " | " + result.error().hint;
  };
  EXPECT_EQ(fault("${env:PORT}"), "${env:PORT}: a variable has no prefix | write ${PORT}");
  EXPECT_EQ(fault("${ENV:PORT}"), "${ENV:PORT}: a variable has no prefix | write ${PORT}");
  EXPECT_EQ(fault("${env:PORT:80}"), "${env:PORT:80}: a variable has no prefix | write ${PORT}");
  EXPECT_EQ(fault("${Environment:a b}"),
            "${Environment:a b}: a variable has no prefix | write ${NAME}, ${NAME:default} or "
            "${file:/path}");
  EXPECT_EQ(fault("${FILE:/run/token}"),
            "${FILE:/run/token}: file: has small letters | write ${file:/run/token}");
  EXPECT_EQ(fault("${secret:shop}"),
            "${secret:shop}: there is no such source of values | write ${NAME} for a variable or "
            "${file:/path} for a file");
  EXPECT_EQ(fault("${VAULT:kv/shop}").find("filled"), std::string::npos);
}

TEST(Interpolation, RefusesAByteOrderMark) {
  MemoryEnvironment environment;
  environment.files["/run/token"] = "\xEF\xBB\xBFs3cret\n";
  const auto result = interpolate("${file:/run/token}", "", environment);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the file /run/token begins with a byte order mark");
}

TEST(Interpolation, TellsThatADefaultWasWritten) {
  EXPECT_TRUE(interpolate("a${PORT:1}b${EMPTY}", "", sample())->has_default) << "used or not";
  EXPECT_FALSE(interpolate("a${PORT}${file:/run/token}", "", sample())->has_default);
}

TEST(Interpolation, BoundsWhatItBuilds) {
  MemoryEnvironment environment;
  environment.variables["LONG"] = std::string(kInterpolatedBytesMax / 2, 'x');
  EXPECT_TRUE(interpolate("${LONG}${LONG}", "", environment));
  const auto result = interpolate("${LONG}${LONG}.", "", environment);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the filled-in text is larger than 1MiB");
}

TEST(Interpolation, SaysWhereTheFaultBegins) {
  const auto result = interpolate("ab ${UNSET}", "", sample());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().offset, 3U);
}

TEST(Interpolation, RemembersWhereTheTextCameFrom) {
  const auto origin = [](std::string_view text) { return interpolate(text, "", sample())->origin; };
  EXPECT_EQ(origin("$$"), Node::Origin::kWritten);
  EXPECT_EQ(origin("${PORT}"), Node::Origin::kVariable);
  EXPECT_EQ(origin("${PORT}${file:/run/token}${PORT}"), Node::Origin::kFile);
}

TEST(Interpolation, ReportsEveryFaultOfATree) {
  Node root;
  root.kind = Node::Kind::kMap;
  Node scalar;
  scalar.kind = Node::Kind::kScalar;
  scalar.text = "${UNSET}";
  root.entries.push_back({"a", {}, scalar});
  root.entries.push_back({"${KEY}", {}, scalar});
  scalar.text = "${PORT}";
  root.entries.push_back({"b", {}, scalar});
  Diagnostics faults;
  interpolate_tree(root, sample(), faults);
  EXPECT_EQ(faults.size(), 3U);
  EXPECT_EQ(root.entries[2].value.text, "8080");
  EXPECT_EQ(root.entries[2].value.written, "${PORT}");
}

}  // namespace
}  // namespace tocsin::config
