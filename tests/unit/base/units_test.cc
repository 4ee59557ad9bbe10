#include "gateway/base/units.h"

#include <gtest/gtest.h>

#include <random>

namespace tocsin {
namespace {

using namespace std::chrono_literals;

std::string why_not(const Result<Duration>& result) { return result ? "" : result.error().what; }
std::string why_not(const Result<std::uint64_t>& result) {
  return result ? "" : result.error().what;
}
std::string why_not(const Result<Rate>& result) { return result ? "" : result.error().what; }

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(*parse_duration("250us"), 250us);
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("5m"), 5min);
  EXPECT_EQ(*parse_duration("2h"), 2h);
  EXPECT_EQ(*parse_duration("7d"), 168h);
  EXPECT_EQ(*parse_duration("0"), 0s);
}

TEST(ParseDuration, ReadsFractionsExactly) {
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(*parse_duration("0.1s"), 100ms);
  EXPECT_EQ(*parse_duration("0.000000001s"), 1ns);
  EXPECT_EQ(*parse_duration("1.50000000000000000000000s"), 1500ms);
  EXPECT_EQ(*parse_duration("0.125d"), 3h);
}

TEST(ParseDuration, ReadsSumsFromLargeToSmall) {
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("1d2h3m4s5ms6us"), 26h + 3min + 4s + 5ms + 6us);
  EXPECT_EQ(why_not(parse_duration("30m1h")),
            "a sum goes from large units to small ones, as in 1h30m");
  EXPECT_FALSE(parse_duration("1s1s"));
}

TEST(ParseDuration, SaysWhichUnitIsMissing) {
  EXPECT_EQ(why_not(parse_duration("30")),
            "the unit is missing: write 30s for seconds, or 30ms, 30m, 30h, 30d");
  EXPECT_EQ(why_not(parse_duration("1h30")),
            "the unit is missing: write 30s for seconds, or 30ms, 30m, 30h, 30d");
  EXPECT_EQ(why_not(parse_duration("30S")), "there is no unit \"S\": use us, ms, s, m, h or d");
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "+1s", "1 s", " 1s", "1s ", "1.s", ".5s", "1..5s",
                           "1e3s", "0x1s", "1,5s", "nan", "inf", "1s,", "1.5.5s", "--1s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(parse_duration("106751d"));
  EXPECT_EQ(why_not(parse_duration("106752d")), "it is longer than 292 years");
  EXPECT_EQ(why_not(parse_duration("99999999999999999999s")), "it is longer than 292 years");
  EXPECT_EQ(why_not(parse_duration("106751d24h")), "it is longer than 292 years");
  EXPECT_EQ(why_not(parse_duration("0.0000000001s")), "it is finer than a nanosecond");
  EXPECT_EQ(why_not(parse_duration("0.1234567890123456789s")), "it is finer than a nanosecond");
}

TEST(FormatDuration, ReadsBackAsTheSameValue) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Duration value(static_cast<std::int64_t>(random() >> (random() % 62 + 1)));
    const std::string text = format_duration(value);
    const Result<Duration> back = parse_duration(text);
    ASSERT_TRUE(back) << text;
    ASSERT_EQ(*back, value) << text;
  }
}

TEST(FormatDuration, TakesTheLargestUnitWithoutRemainder) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(48h), "2d");
  EXPECT_EQ(format_duration(1500us), "1500us");
  EXPECT_EQ(format_duration(1ns), "0.001us");
  EXPECT_EQ(format_duration(1250ns), "1.25us");
  EXPECT_EQ(format_duration(-5s), "-5s");
  EXPECT_EQ(format_duration(-1ns), "-0.001us");
}

TEST(ParseSize, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(*parse_size("512B"), 512U);
  EXPECT_EQ(*parse_size("64KiB"), 65536U);
  EXPECT_EQ(*parse_size("1MiB"), 1048576U);
  EXPECT_EQ(*parse_size("10GiB"), 10737418240U);
  EXPECT_EQ(*parse_size("2TiB"), 2199023255552U);
  EXPECT_EQ(*parse_size("1kB"), 1000U);
  EXPECT_EQ(*parse_size("1.5MB"), 1500000U);
  EXPECT_EQ(*parse_size("0.5KiB"), 512U);
  EXPECT_EQ(*parse_size("0"), 0U);
}

TEST(ParseSize, SaysWhatAnAmbiguousUnitCouldMean) {
  EXPECT_EQ(why_not(parse_size("64k")), "write 64KiB (powers of 1024) or 64kB (powers of 1000)");
  EXPECT_EQ(why_not(parse_size("64KB")), "write 64KiB (powers of 1024) or 64kB (powers of 1000)");
  EXPECT_EQ(why_not(parse_size("1M")), "write 1MiB (powers of 1024) or 1MB (powers of 1000)");
  EXPECT_EQ(why_not(parse_size("1g")), "write 1GiB (powers of 1024) or 1GB (powers of 1000)");
  EXPECT_EQ(why_not(parse_size("1024")),
            "the unit is missing: write 1024B for bytes, or use KiB, MiB, GiB, kB, MB, GB");
  EXPECT_EQ(why_not(parse_size("1mib")),
            "there is no unit \"mib\": use B, KiB, MiB, GiB, TiB, kB, MB, GB or TB");
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "B", "-1B", "1 MiB", "0.5B", "1KiB1B", "1KiB ", "1.B"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  EXPECT_EQ(why_not(parse_size("8388608TiB")), "it is larger than 8388607TiB");
  EXPECT_EQ(*parse_size("8388607TiB"), 8388607ULL << 40U);
}

TEST(FormatSize, ReadsBackAsTheSameValue) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (random() % 62 + 1);
    const Result<std::uint64_t> back = parse_size(format_size(value));
    ASSERT_TRUE(back) << format_size(value);
    ASSERT_EQ(*back, value);
  }
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_size(65536), "64KiB");
  EXPECT_EQ(format_size(1500000), "1500kB");
}

TEST(ParseRate, ReadsCountsPerPeriod) {
  EXPECT_EQ(*parse_rate("10/s"), (Rate{10, 1s}));
  EXPECT_EQ(*parse_rate("600/m"), (Rate{600, 1min}));
  EXPECT_EQ(*parse_rate("1000/h"), (Rate{1000, 1h}));
  EXPECT_EQ(*parse_rate("1/d"), (Rate{1, 24h}));
  EXPECT_EQ(*parse_rate("5/10s"), (Rate{5, 10s}));
  EXPECT_EQ(*parse_rate("0.5/s"), (Rate{0.5, 1s}));
  EXPECT_DOUBLE_EQ(parse_rate("600/m")->per_second(), 10);
}

TEST(ParseRate, SaysWhatIsMissing) {
  EXPECT_EQ(why_not(parse_rate("10")), "the period is missing: write 10/s, 10/m, 10/h or 10/d");
  EXPECT_EQ(why_not(parse_rate("0/s")), "a rate of 0 would let nothing through");
  EXPECT_EQ(why_not(parse_rate("10/sec")),
            "after the slash comes a period: s, m, h, d, or such as 10s");
  for (const char* text : {"", "/", "/s", "10/", "x/s", "-1/s", "1e3/s", "inf/s", "10 /s", "10/0s",
                           "10/s/s", "10/-1s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(FormatRate, ReadsBackAsTheSameValue) {
  for (const char* text : {"10/s", "0.5/s", "600/m", "1/d", "5/10s", "7/90s", "123456789/h"}) {
    EXPECT_EQ(format_rate(*parse_rate(text)), text);
  }
}

TEST(ParseByteRate, IsASizePerSecond) {
  EXPECT_EQ(*parse_byte_rate("256B/s"), 256U);
  EXPECT_EQ(*parse_byte_rate("64KiB/s"), 65536U);
  EXPECT_EQ(*parse_byte_rate("0"), 0U);
  EXPECT_EQ(why_not(parse_byte_rate("1KiB")), "the period is missing: write 1KiB/s");
  EXPECT_EQ(why_not(parse_byte_rate("500")), "unit and period are missing: write 500B/s");
  EXPECT_FALSE(parse_byte_rate("1KiB/m"));
  EXPECT_FALSE(parse_byte_rate("/s"));
  EXPECT_EQ(format_byte_rate(65536), "64KiB/s");
}

}  // namespace
}  // namespace tocsin
