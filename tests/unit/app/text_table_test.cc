#include "gateway/app/text_table.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

TEST(TextTable, AlignsTextToTheLeftAndNumbersToTheRight) {
  TextTable table({"NAME", "DEAD", "STATE"});
  table.add({"mail", Cell(3), "running"});
  table.add({"a", Cell(1200), "paused"});
  EXPECT_EQ(table.text(false),
            "NAME  DEAD  STATE\n"
            "mail     3  running\n"
            "a     1200  paused\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
  TextTable table({"A", "B"});
  table.add({"\xC3\xA9\xC3\xA9", "x"});
  table.add({"abc", "y"});
  EXPECT_EQ(table.text(false), "A    B\n\xC3\xA9\xC3\xA9   x\nabc  y\n");
}

TEST(TextTable, ColoursWithoutMovingColumns) {
  TextTable table({"A", "B"});
  table.add({Cell("x", Tone::kBad), "y"});
  EXPECT_EQ(table.text(true), "\x1B[2mA\x1B[0m  \x1B[2mB\x1B[0m\n\x1B[31mx\x1B[0m  y\n");
  EXPECT_EQ(table.text(false), "A  B\nx  y\n");
}

TEST(TextTable, LeavesNothingForATerminalToActOn) {
  EXPECT_EQ(printable("\x1B[2J\r\n\t\x7F"), "?[2J????");
  EXPECT_EQ(printable("a\xC2\x9Bz"), "a?z") << "CSI in one character";
  EXPECT_EQ(printable("\xFF\xC3"), "??");
  EXPECT_EQ(printable("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x94"),
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x94");
  TextTable table({"A"});
  table.add({Cell("\x1B]0;title\x07")});
  EXPECT_EQ(table.text(false), "A\n?]0;title?\n");
}

}  // namespace
}  // namespace tocsin::app
