#include <gtest/gtest.h>

#include <string>

#include "plugins/output/sms/answer_rules.h"
#include "plugins/output/sms/classify.h"
#include "plugins/output/sms/signature.h"

namespace tocsin::output_sms {
namespace {

std::string fault(int code) {
  return R"({"code":)" + std::to_string(code) + R"(,"message":"what Twilio says","status":400})";
}

// ---- Twilio's answers

TEST(TwilioAnswer, Of201SaysQueuedAndNamesTheMessage) {
  const Reading reading =
      read_twilio_answer(201, R"({"sid":"SM1","status":"queued","error_code":null})");
  EXPECT_EQ(reading.meaning, Meaning::kDelivered);
  EXPECT_EQ(reading.provider_id, "SM1");
}

TEST(TwilioAnswer, RejectsNumbersThatNobodyHasOrThatTakeNoMessages) {
  for (const int code : {21211, 21614}) {
    EXPECT_EQ(read_twilio_answer(400, fault(code)).meaning, Meaning::kRejected) << code;
  }
  EXPECT_EQ(read_twilio_answer(400, fault(21211)).reason,
            "Twilio says 21211: nobody can have this number");
}

TEST(TwilioAnswer, SaysThatWhoOptedOutIsGone) {
  EXPECT_EQ(read_twilio_answer(400, fault(21610)).meaning, Meaning::kTargetGone);
}

TEST(TwilioAnswer, ThrottlesWith20429And429) {
  EXPECT_EQ(read_twilio_answer(400, fault(20429)).meaning, Meaning::kThrottled);
  EXPECT_EQ(read_twilio_answer(429, fault(20429)).meaning, Meaning::kByStatus);
}

TEST(TwilioAnswer, BlamesTheCredentialsWith401403And20003) {
  EXPECT_EQ(read_twilio_answer(401, fault(20003)).meaning, Meaning::kUnauthorized);
  EXPECT_EQ(read_twilio_answer(400, fault(20003)).meaning, Meaning::kUnauthorized);
  EXPECT_EQ(read_twilio_answer(403, fault(20005)).meaning, Meaning::kUnauthorized);
  EXPECT_EQ(read_twilio_answer(401, "").meaning, Meaning::kByStatus);
}

TEST(TwilioAnswer, RejectsWhatItHasNoWordFor) {
  const Reading reading = read_twilio_answer(400, fault(21606));
  EXPECT_EQ(reading.meaning, Meaning::kRejected);
  EXPECT_EQ(reading.reason, "Twilio says 21606: what Twilio says");
}

TEST(TwilioAnswer, LeavesTheRestToTheStatus) {
  EXPECT_EQ(read_twilio_answer(400, "<html>").meaning, Meaning::kByStatus);
  EXPECT_EQ(read_twilio_answer(503, fault(20503)).meaning, Meaning::kByStatus);
}

TEST(TwilioAnswer, MayBeNobodysOrSayThatItFailedAtOnce) {
  EXPECT_EQ(read_twilio_answer(200, "<html>").meaning, Meaning::kAmbiguous);
  EXPECT_EQ(
      read_twilio_answer(201, R"({"sid":"SM1","status":"failed","error_code":21610})").meaning,
      Meaning::kTargetGone);
}

// ---- its callbacks

TEST(TwilioCallback, TellsHowFarAMessageHasCome) {
  using State = Progress::State;
  const std::pair<const char*, State> cases[] = {{"accepted", State::kUnderWay},
                                                 {"queued", State::kUnderWay},
                                                 {"sending", State::kUnderWay},
                                                 {"sent", State::kUnderWay},
                                                 {"delivered", State::kDelivered},
                                                 {"read", State::kDelivered},
                                                 {"undelivered", State::kBounced},
                                                 {"failed", State::kBounced},
                                                 {"canceled", State::kBounced},
                                                 {"received", State::kUnknown},
                                                 {"", State::kUnknown}};
  for (const auto& [status, state] : cases) {
    EXPECT_EQ(read_status({{"MessageStatus", status}}).state, state) << status;
  }
  const Form bounced = {
      {"MessageSid", "SM1"}, {"MessageStatus", "undelivered"}, {"ErrorCode", "30005"}};
  EXPECT_EQ(read_status(bounced).reason, "Twilio says undelivered: error 30005");
  EXPECT_EQ(read_status(bounced).provider_id, "SM1");
}

TEST(TwilioCallback, KnowsTheWordsWithWhichPeopleOptOut) {
  for (const char* word : {"STOP", "stop", " Stop. ", "STOPALL", "UNSUBSCRIBE", "Cancel", "END",
                           "quit", "REVOKE", "OPTOUT", "\"STOP\"\r\n"}) {
    EXPECT_EQ(read_wish({{"Body", word}}), Wish::kStop) << word;
  }
  for (const char* word : {"START", "unstop", "Yes"}) {
    EXPECT_EQ(read_wish({{"Body", word}}), Wish::kStart) << word;
  }
  for (const char* word : {"", "stop it", "Don't stop", "STOP!now", "END OF MAY", "\u0421\u0422OP",
                           "STOPSTOPSTOPSTOPSTOP"}) {
    EXPECT_EQ(read_wish({{"Body", word}}), Wish::kNone) << word;
  }
  EXPECT_EQ(read_wish({{"OptOutType", "STOP"}, {"Body", "basta"}}), Wish::kStop);
  EXPECT_EQ(read_wish({{"OptOutType", "HELP"}, {"Body", "HELP"}}), Wish::kNone);
}

// ---- the signature

// Computed with openssl: printf %s URL+FIELDS | openssl dgst -sha1 -hmac 12345 -binary | base64
constexpr std::string_view kUrl = "https://mycompany.com/myapp.php?foo=1&bar=2";
const Form kForm = {{"CallSid", "CA1234567890ABCDE"},
                    {"To", "+18005551212"},
                    {"Digits", "1234"},
                    {"From", "+12349013030"},
                    {"Caller", "+12349013030"}};
constexpr std::string_view kSignature = "0/KCTR6DLpKmkAf8muzZqo1nDgQ=";

TEST(TwilioSignature, IsThatOfUrlAndSortedFields) {
  EXPECT_EQ(signature_of("12345", kUrl, kForm), kSignature);
  EXPECT_TRUE(is_signed(kSignature, "12345", kUrl, kForm));
}

TEST(TwilioSignature, IsAnotherWhenAnythingIs) {
  Form changed = kForm;
  changed[2].second = "1235";
  EXPECT_FALSE(is_signed(kSignature, "12345", kUrl, changed));
  EXPECT_FALSE(is_signed(kSignature, "12346", kUrl, kForm));
  EXPECT_FALSE(is_signed(kSignature, "12345", "https://mycompany.com/myapp.php", kForm));
  EXPECT_FALSE(is_signed("", "12345", kUrl, kForm));
  EXPECT_FALSE(is_signed("0/KCTR6DLpKmkAf8muzZqo1nDgQ", "12345", kUrl, kForm));
}

TEST(TwilioSignature, MayNameThePortThatTheSchemeHasAnyway) {
  const std::string with = signature_of("t", "https://a.example:443/x", {});
  const std::string without = signature_of("t", "https://a.example/x", {});
  EXPECT_TRUE(is_signed(with, "t", "https://a.example/x", {}));
  EXPECT_TRUE(is_signed(without, "t", "https://a.example:443/x", {}));
  EXPECT_FALSE(is_signed(with, "t", "https://a.example:8443/x", {}));
  EXPECT_TRUE(
      is_signed(signature_of("t", "http://a.example:80?b", {}), "t", "http://a.example?b", {}));
}

// ---- providers that the configuration describes

TEST(SmsAnswerRules, LeaveToHttpWhatNobodyDescribed) {
  const AnswerRules rules;
  EXPECT_EQ(rules.read(200, "").meaning, Meaning::kDelivered);
  for (const std::uint32_t status : {302U, 400U, 429U, 503U}) {
    EXPECT_EQ(rules.read(status, "").meaning, Meaning::kByStatus) << status;
  }
}

TEST(SmsAnswerRules, TakeStatusesOneByOneAndByTheHundred) {
  AnswerRules rules;
  rules.statuses = {{"409", Meaning::kDelivered}, {"4xx", Meaning::kAmbiguous}};
  EXPECT_EQ(rules.read(409, "").meaning, Meaning::kDelivered);
  EXPECT_EQ(rules.read(410, "").meaning, Meaning::kAmbiguous);
  EXPECT_EQ(rules.read(500, "").meaning, Meaning::kByStatus);
}

TEST(SmsAnswerRules, TakeCodesBeforeStatuses) {
  AnswerRules rules;
  rules.code_pointer = "/messages/0/status";
  rules.id_pointer = "/messages/0/id";
  rules.codes = {{"0", Meaning::kDelivered}, {"9", Meaning::kThrottled}};
  rules.statuses = {{"4xx", Meaning::kRejected}};
  const Reading taken = rules.read(200, R"({"messages":[{"status":"0","id":"m-1"}]})");
  EXPECT_EQ(taken.meaning, Meaning::kDelivered);
  EXPECT_EQ(taken.provider_id, "m-1");
  EXPECT_EQ(rules.read(400, R"({"messages":[{"status":9}]})").meaning, Meaning::kThrottled);
  EXPECT_EQ(rules.read(400, R"({"messages":[{"status":7}]})").meaning, Meaning::kRejected);
}

TEST(SmsAnswerRules, TakeNo2xxForADeliveryWhereACodeWouldSaySo) {
  AnswerRules rules;
  rules.code_pointer = "/status";
  rules.codes = {{"0", Meaning::kDelivered}};
  const Reading other = rules.read(200, R"({"status":5})");
  EXPECT_EQ(other.meaning, Meaning::kRejected);
  EXPECT_EQ(other.reason, "the provider says 5");
  EXPECT_EQ(rules.read(200, "<html>").reason, "the provider says no");
}

TEST(SmsAnswerRules, ShowOnlyWhatLooksLikeACode) {
  AnswerRules rules;
  rules.code_pointer = "/status";
  EXPECT_EQ(rules.read(400, R"({"status":"s3cret=<b>"})").reason, "the provider says no");
}

TEST(SmsAnswerRules, KnowHowAStatusIsWritten) {
  for (const char* good : {"409", "4xx", "599", "100"})
    EXPECT_TRUE(is_status_pattern(good)) << good;
  for (const char* bad : {"", "40", "4x1", "xxx", "600", "4000", "4XX", "-40"}) {
    EXPECT_FALSE(is_status_pattern(bad)) << bad;
  }
}

}  // namespace
}  // namespace tocsin::output_sms
