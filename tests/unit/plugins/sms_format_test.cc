#include <gtest/gtest.h>

#include <string>

#include "plugins/output/sms/form.h"
#include "plugins/output/sms/format.h"
#include "tocsin/sdk/cut.hpp"

namespace tocsin::output_sms {
namespace {

std::string fitting(std::string_view text, std::size_t max = kBodyMax) {
  std::string out;
  append_fitting(out, text, max);
  return out;
}

std::string times(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(text);
  return out;
}

TEST(SmsPhone, IsANumberAsE164HasIt) {
  for (const char* good : {"+4917012345678", "+15550111", "+123456789012345", "+2904000"}) {
    EXPECT_EQ(phone_fault(good), "") << good;
  }
  const std::pair<const char*, const char*> cases[] = {
      {"", "a phone number is written with + and its country, as +4917012345678"},
      {"015550111", "a phone number is written with + and its country, as +4917012345678"},
      {"00491701234567", "a phone number is written with + and its country, as +4917012345678"},
      {"+49 170 1234567", "a phone number has nothing but digits behind the +"},
      {"+49170\r\nTo: x", "a phone number has nothing but digits behind the +"},
      {"+\u0664\u0669\u0661\u0667", "a phone number has nothing but digits behind the +"},
      {"+12345", "a phone number has 7 to 15 digits"},
      {"+1234567890123456", "a phone number has 7 to 15 digits"},
      {"+0491701234", "no country's number begins with 0"}};
  for (const auto& [phone, why] : cases) EXPECT_EQ(phone_fault(phone), why) << phone;
}

TEST(SmsPhone, StandsBehindItsKind) {
  EXPECT_EQ(phone_of("sms:+15550111"), "+15550111");
  EXPECT_EQ(phone_of("+15550111"), "+15550111");
}

TEST(SmsText, IsTitleAndBodyOrElseTheTopic) {
  tocsin_notification n{};
  n.topic = sdk::to_c("disk.full");
  EXPECT_EQ(text_of(sdk::Notification(n)), "disk.full");
  n.body = sdk::to_c("94 %");
  EXPECT_EQ(text_of(sdk::Notification(n)), "94 %");
  n.title = sdk::to_c("Disk full");
  EXPECT_EQ(text_of(sdk::Notification(n)), "Disk full\n94 %");
}

TEST(SmsText, OfMoreThan1600CharactersIsCutWithAMarker) {
  EXPECT_EQ(fitting(times("a", 1600)), times("a", 1600));
  EXPECT_EQ(fitting(times("a", 1601)), times("a", 1597) + "...") << "which GSM-7 has";
  EXPECT_EQ(fitting(times("\u0431", 1601)), times("\u0431", 1599) + "\u2026");
}

TEST(SmsText, IsCutInFrontOfAnEmojiThatHasNoRoom) {
  EXPECT_EQ(fitting("1234\U0001F514\U0001F514", 8), "1234\U0001F514\U0001F514");
  EXPECT_EQ(fitting(times("\U0001F514", 5), 8), times("\U0001F514", 3) + "\u2026");
  EXPECT_EQ(fitting("1234\U0001F514\U0001F514\U0001F514", 8), "1234...") << "so it is GSM-7";
  const std::string cut = fitting(times("\U0001F514", 900));
  EXPECT_LE(sdk::units_of(cut, sdk::CutUnit::kUtf16), kBodyMax);
}

TEST(SmsForm, WritesAndReadsTheSame) {
  const Form form = {{"To", "+4917"}, {"Body", "a b&c=d\u20ac%\n"}, {"", ""}};
  const std::string text = encode_form(form);
  EXPECT_EQ(text, "To=%2B4917&Body=a+b%26c%3Dd%E2%82%AC%25%0A&=");
  EXPECT_EQ(decode_form(text), form);
}

TEST(SmsForm, IsReadHoweverItIsWritten) {
  EXPECT_EQ(decode_form(""), Form());
  EXPECT_EQ(decode_form("&a=1&&b&c=%c3%A4+x=y"),
            (Form{{"a", "1"}, {"b", ""}, {"c", "\u00e4 x=y"}}));
  for (const char* broken : {"a=%", "a=%4", "a=%4g", "%zz=1"}) {
    EXPECT_FALSE(decode_form(broken)) << broken;
  }
  EXPECT_TRUE(decode_form(times("a&", kFormFieldsMax)));
  EXPECT_FALSE(decode_form(times("a&", kFormFieldsMax + 1)));
}

TEST(SmsForm, FindsTheFirstFieldOfAName) {
  const Form form = {{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(field_of(form, "a"), "1");
  EXPECT_EQ(field_of(form, "b"), "");
}

}  // namespace
}  // namespace tocsin::output_sms
