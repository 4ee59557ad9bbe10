#include <gtest/gtest.h>

#include <string>

#include "plugins/output/sms/segments.h"

namespace tocsin::output_sms {
namespace {

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(text);
  return out;
}

struct Case {
  std::string text;
  Alphabet alphabet;
  std::size_t units;
  std::size_t count;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& wanted : cases) {
    const Segments segments = segments_of(wanted.text);
    EXPECT_EQ(segments.alphabet, wanted.alphabet) << wanted.text;
    EXPECT_EQ(segments.units, wanted.units) << wanted.text;
    EXPECT_EQ(segments.count, wanted.count) << wanted.text;
  }
}

TEST(SmsSegments, OfGsm7Have160SeptetsAloneAnd153Together) {
  expect({{"", Alphabet::kGsm7, 0, 1},
          {times("a", 160), Alphabet::kGsm7, 160, 1},
          {times("a", 161), Alphabet::kGsm7, 161, 2},
          {times("a", 306), Alphabet::kGsm7, 306, 2},
          {times("a", 307), Alphabet::kGsm7, 307, 3},
          {times("a", 1600), Alphabet::kGsm7, 1600, 11}});
}

TEST(SmsSegments, OfUcs2Have70UnitsAloneAnd67Together) {
  expect({{times("\u0431", 70), Alphabet::kUcs2, 70, 1},
          {times("\u0431", 71), Alphabet::kUcs2, 71, 2},
          {times("\u0431", 134), Alphabet::kUcs2, 134, 2},
          {times("\u0431", 135), Alphabet::kUcs2, 135, 3}});
}

TEST(SmsSegments, CountExtensionCharactersTwice) {
  expect({{"^{}\\[~]|\f", Alphabet::kGsm7, 18, 1},
          {times("\u20ac", 80), Alphabet::kGsm7, 160, 1},
          {times("\u20ac", 81), Alphabet::kGsm7, 162, 2}});
}

TEST(SmsSegments, KnowTheWholeGsmAlphabet) {
  const std::string all =
      "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5\u0394_\u03a6"
      "\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\u00c6\u00e6\u00df\u00c9 !\"#\u00a4%&'()*+,-"
      "./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7\u00bf"
      "abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0";
  expect({{all, Alphabet::kGsm7, 127, 1}});
  for (const char* foreign : {"`", "\u00e7", "\u00e1", "\u201c", "\u2026", "\u03b1", "\t"}) {
    EXPECT_EQ(segments_of(foreign).alphabet, Alphabet::kUcs2) << foreign;
  }
}

TEST(SmsSegments, CountEmojiAsTwoUnitsAndMakeAllOfTheTextUcs2) {
  expect({{"\U0001F514", Alphabet::kUcs2, 2, 1},
          {times("a", 69) + "\U0001F514", Alphabet::kUcs2, 71, 2},
          {times("\U0001F514", 35), Alphabet::kUcs2, 70, 1}});
}

TEST(SmsSegments, NeverSplitACharacter) {
  // 33 emoji fill 66 of 67 units: the 34th begins the next segment.
  expect({{times("\U0001F514", 66), Alphabet::kUcs2, 132, 2},
          {times("\U0001F514", 67), Alphabet::kUcs2, 134, 3},
          {times("a", 152) + "\u20ac" + times("a", 151), Alphabet::kGsm7, 305, 2},
          {times("a", 152) + "\u20ac" + times("a", 152), Alphabet::kGsm7, 306, 3}});
}

TEST(SmsSegments, OfTextFromRightToLeftAreUcs2) {
  expect({{"\u05e9\u05dc\u05d5\u05dd", Alphabet::kUcs2, 4, 1}});
}

TEST(SmsSegments, AreToldInWords) {
  EXPECT_EQ(text_of(segments_of("a")), "1 segment of GSM-7");
  EXPECT_EQ(text_of(segments_of(times("\u0431", 80))), "2 segments of UCS-2");
}

}  // namespace
}  // namespace tocsin::output_sms
