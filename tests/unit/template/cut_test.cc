#include "tocsin/sdk/cut.hpp"

#include <gtest/gtest.h>

#include <random>

#include "gateway/base/text.h"

namespace tocsin::sdk {
namespace {

constexpr std::string_view kEAcute = "e\xCC\x81";                       // two code points
constexpr std::string_view kBell = "\xF0\x9F\x94\x94";                  // U+1F514
constexpr std::string_view kFlag = "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA";  // two regional letters
// Woman, joiner, rocket: one picture.
constexpr std::string_view kAstronaut = "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80";

std::string cut_to(std::string_view text, std::size_t max, CutUnit unit,
                   std::string_view marker = kCutMarker) {
  std::string out;
  append_cut(out, text, max, unit, marker);
  return out;
}

TEST(Cut, LeavesWhatFits) {
  std::string out = "a";
  EXPECT_FALSE(append_cut(out, "bcd", 3, CutUnit::kBytes));
  EXPECT_FALSE(append_cut(out, "", 0, CutUnit::kCodePoints));
  EXPECT_EQ(out, "abcd");
  EXPECT_EQ(cut_to(kBell, 1, CutUnit::kCodePoints), kBell);
  EXPECT_EQ(cut_to(kBell, 2, CutUnit::kUtf16), kBell);
  EXPECT_EQ(cut_to(kBell, 4, CutUnit::kBytes), kBell);
}

TEST(Cut, TheMarkerIsPartOfTheLimit) {
  EXPECT_EQ(cut_to("abcdef", 4, CutUnit::kCodePoints), "abc\xE2\x80\xA6");
  EXPECT_EQ(cut_to("abcdef", 4, CutUnit::kBytes), "a\xE2\x80\xA6");
  EXPECT_EQ(cut_to("abcdef", 4, CutUnit::kBytes, "..."), "a...");
  EXPECT_EQ(cut_to("abcdef", 2, CutUnit::kBytes), "ab") << "it has no room";
  EXPECT_EQ(cut_to("abcdef", 0, CutUnit::kBytes), "");
}

TEST(Cut, NeverInsideACodePoint) {
  const std::string bells = std::string(kBell) + std::string(kBell);
  EXPECT_EQ(cut_to(bells, 7, CutUnit::kBytes, ""), kBell);
  EXPECT_EQ(cut_to(bells, 3, CutUnit::kUtf16, ""), kBell);
  EXPECT_EQ(cut_to(bells, 1, CutUnit::kUtf16, ""), "");
}

TEST(Cut, NotBetweenALetterAndItsMarks) {
  EXPECT_EQ(cut_to("x" + std::string(kEAcute) + "y", 2, CutUnit::kCodePoints, ""), "x");
  EXPECT_EQ(cut_to("x" + std::string(kFlag) + "y", 2, CutUnit::kCodePoints, ""), "x");
  EXPECT_EQ(cut_to(std::string(kFlag) + std::string(kFlag), 3, CutUnit::kCodePoints, ""), kFlag);
  EXPECT_EQ(cut_to("x" + std::string(kAstronaut) + "y", 3, CutUnit::kCodePoints, ""), "x");
  EXPECT_EQ(cut_to("x" + std::string(kAstronaut) + "y", 4, CutUnit::kCodePoints, ""),
            "x" + std::string(kAstronaut));
}

TEST(Cut, ALetterLargerThanTheLimitIsCutAllTheSame) {
  EXPECT_EQ(cut_to(kEAcute, 1, CutUnit::kCodePoints, ""), "e");
  std::string marks = "xe";
  for (int i = 0; i < 100; ++i) marks += "\xCC\x81";
  EXPECT_EQ(units_of(cut_to(marks, 50, CutUnit::kCodePoints, ""), CutUnit::kCodePoints), 50U);
}

TEST(Cut, CountsAsItsUnitSays) {
  const std::string text = std::string(kBell) + "a\xC3\xA4";
  EXPECT_EQ(units_of(text, CutUnit::kBytes), 7U);
  EXPECT_EQ(units_of(text, CutUnit::kCodePoints), 3U);
  EXPECT_EQ(units_of(text, CutUnit::kUtf16), 4U);
}

// Whatever the text and the limit: what comes out fits, begins as the text does, stays UTF-8 where
// the text was, and says that it is shorter if it is.
TEST(Cut, HoldsItsPromisesForAnyText) {
  std::mt19937 random(20260101);  // NOLINT(cert-msc51-cpp): the same run each time
  const std::string_view pieces[] = {"a",        " ",        kEAcute, kBell,          kFlag,
                                     kAstronaut, "\xC3\xA4", "\n",    "\xE2\x80\x8D", "\xFF",
                                     "\xF0\x9F"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const bool clean = round % 2 == 0;
    const std::size_t kinds = clean ? std::size(pieces) - 2 : std::size(pieces);
    for (std::size_t i = random() % 12; i > 0; --i) text += pieces[random() % kinds];
    const std::size_t max = random() % 14;
    const auto unit = static_cast<CutUnit>(random() % 3);
    std::string out;
    const bool cut = append_cut(out, text, max, unit);
    ASSERT_EQ(cut, out != text);
    if (!cut) continue;
    ASSERT_GT(units_of(text, unit), max);
    ASSERT_LE(units_of(out, unit), max);
    std::string_view kept = out;
    if (kept.ends_with(kCutMarker)) kept.remove_suffix(kCutMarker.size());
    ASSERT_TRUE(text.starts_with(kept));
    if (clean) {
      ASSERT_TRUE(is_utf8(out));
    }
  }
}

}  // namespace
}  // namespace tocsin::sdk
