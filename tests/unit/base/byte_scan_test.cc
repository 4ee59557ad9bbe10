#include "gateway/base/byte_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin::scan {

namespace {

std::size_t one_by_one(std::string_view text, std::size_t from) {
  while (from < text.size() && !is_control(text[from])) ++from;
  return from;
}

TEST(ByteScan, FindsTheSameControlAsALoopOverBytesWhereverItStands) {
  for (std::size_t size = 0; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        if (at + 1 < size) text[at + 1] = ' ';
        for (std::size_t from = 0; from <= size; from += 3) {
          ASSERT_EQ(find_control(text, from), one_by_one(text, from)) << size << " " << at;
        }
      }
    }
  }
}

TEST(ByteScan, MarksExactlyTheFirstByteThatIsAskedFor) {
  for (int neighbour = 0; neighbour < 256; ++neighbour) {
    for (std::size_t at = 0; at < 8; ++at) {
      std::string text(8, static_cast<char>(neighbour == '"' ? 'x' : neighbour));
      text[at] = '"';
      const std::uint64_t marks = equal(load(text.data()), '"');
      ASSERT_NE(marks, 0U);
      EXPECT_EQ(first(marks), at);
    }
  }
  EXPECT_EQ(equal(load("!!!!!!!!"), '"'), 0U);
  EXPECT_EQ(below(load("        "), 0x20), 0U);
}

TEST(ByteScan, LetsTabsPassWhereTheyMayStand) {
  EXPECT_FALSE(holds_control_but_tab("a\tb and \t further on"));
  EXPECT_TRUE(holds_control_but_tab("a\tb and \n further on"));
  EXPECT_TRUE(holds_control("a\tb and further on"));
  EXPECT_TRUE(holds_control("short\x7F"));
}

}  // namespace

}  // namespace tocsin::scan
