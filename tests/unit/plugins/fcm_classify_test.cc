#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "plugins/output/fcm/classify.h"

namespace tocsin::output_fcm {
namespace {

using namespace std::chrono_literals;
using sdk::Duration;
using sdk::Scope;
using sdk::Verdict;

std::string error(std::string_view status, std::string_view code, std::string_view words = "Why") {
  std::string text =
      R"({"error":{"code":0,"status":")" + std::string(status) + R"(","message":")" +
      std::string(words) +
      R"(","details":[)"
      R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[]})";
  if (!code.empty()) {
    text += R"(,{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":")" +
            std::string(code) + R"("})";
  }
  return text + "]}}";
}

/// What HTTP suggests, as far as it matters.
Verdict by_http(std::uint32_t status, Duration after = {}) {
  if (status == 200) return Verdict::delivered();
  if (status == 429 || (status == 503 && after > Duration()))
    return Verdict::throttled("429", after);
  if (status >= 500) return Verdict::retry("5xx", after);
  if (status == 401 || status == 403) return Verdict::unauthorized("401");
  return Verdict::rejected("4xx");
}

Verdict of(std::uint32_t status, const std::string& body, Duration after = {}) {
  return classify(by_http(status, after), status, body);
}

TEST(FcmClassify, A200IsDeliveredUnderTheMessagesName) {
  const Verdict verdict = of(200, R"({"name":"projects/p/messages/0:1500"})");
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(verdict.provider_id, "projects/p/messages/0:1500");
  EXPECT_EQ(of(200, "?").kind, std::uint32_t{TOCSIN_DELIVERED});
}

TEST(FcmClassify, A404UnregisteredIsATargetThatIsGone) {
  const Verdict verdict = of(404, error("NOT_FOUND", "UNREGISTERED"));
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_TARGET_GONE});
  EXPECT_EQ(verdict.reason, "FCM answered UNREGISTERED: Why");
}

TEST(FcmClassify, A404OfSomethingElseIsNoTargetThatIsGone) {
  EXPECT_EQ(of(404, error("NOT_FOUND", "")).kind, std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(of(404, "<html>").kind, std::uint32_t{TOCSIN_REJECTED});
}

TEST(FcmClassify, A400InvalidArgumentIsRejectedAndNeverPurgesTheToken) {
  for (const std::string& body :
       {error("INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not valid"),
        error("INVALID_ARGUMENT", "")}) {
    EXPECT_EQ(of(400, body).kind, std::uint32_t{TOCSIN_REJECTED});
  }
}

TEST(FcmClassify, A403SenderIdMismatchIsRejected) {
  EXPECT_EQ(of(403, error("PERMISSION_DENIED", "SENDER_ID_MISMATCH")).kind,
            std::uint32_t{TOCSIN_REJECTED});
}

TEST(FcmClassify, A403WithoutACodeIsAboutTheAccount) {
  const Verdict verdict = of(403, error("PERMISSION_DENIED", "", "No permission"));
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_UNAUTHORIZED});
  EXPECT_EQ(verdict.scope, Scope::kAccount);
  EXPECT_EQ(verdict.reason, "FCM answered PERMISSION_DENIED: No permission");
}

TEST(FcmClassify, A429QuotaExceededWaitsAsLongAsItAsksElseAMinute) {
  const std::string body = error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED");
  EXPECT_EQ(of(429, body, 7s).kind, std::uint32_t{TOCSIN_THROTTLED});
  EXPECT_EQ(of(429, body, 7s).after, Duration(7s));
  EXPECT_EQ(of(429, body).after, Duration(60s));
  EXPECT_EQ(of(429, body).scope, Scope::kOutput);
  EXPECT_EQ(of(429, error("RESOURCE_EXHAUSTED", "")).after, Duration(60s));
}

TEST(FcmClassify, A500OrA503IsTriedAgainWhenItAsks) {
  for (const auto& [status, code] : {std::pair(500U, "INTERNAL"), std::pair(503U, "UNAVAILABLE")}) {
    EXPECT_EQ(of(status, error(code, code)).kind, std::uint32_t{TOCSIN_RETRY});
    EXPECT_EQ(of(status, error(code, code), 9s).kind, std::uint32_t{TOCSIN_RETRY});
    EXPECT_EQ(of(status, error(code, code), 9s).after, Duration(9s));
  }
  EXPECT_EQ(of(502, "<html>").kind, std::uint32_t{TOCSIN_RETRY});
}

TEST(FcmClassify, A401OfAnotherProviderIsAboutThatDeviceAlone) {
  const std::string body = error("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR");
  EXPECT_FALSE(refuses_token(401, body));
  EXPECT_EQ(of(401, body).kind, std::uint32_t{TOCSIN_UNAUTHORIZED});
  EXPECT_EQ(of(401, body).scope, Scope::kAddress);
}

TEST(FcmClassify, A401RefusesTheTokenAndIsAboutTheAccount) {
  for (const std::string& body : {error("UNAUTHENTICATED", ""), std::string("<html>")}) {
    EXPECT_TRUE(refuses_token(401, body));
    EXPECT_EQ(of(401, body).kind, std::uint32_t{TOCSIN_UNAUTHORIZED});
    EXPECT_EQ(of(401, body).scope, Scope::kAccount);
  }
  EXPECT_FALSE(refuses_token(403, error("PERMISSION_DENIED", "")));
}

TEST(FcmClassify, WhatWasNotAnsweredIsHttpsToJudge) {
  EXPECT_EQ(classify(Verdict::ambiguous("cut"), 0, "").kind, std::uint32_t{TOCSIN_AMBIGUOUS});
  EXPECT_EQ(classify(Verdict::retry("down"), 0, "").reason, "down");
}

TEST(FcmClassify, ShowsNoMoreThanTheBeginningOfWhatFcmSays) {
  EXPECT_LT(of(400, error("INVALID_ARGUMENT", "", std::string(5000, 'x'))).reason.size(), 300U);
}

// ---- the token's exchange

TEST(FcmClassify, AnAssertionThatIsRefusedIsAboutTheAccount) {
  const Verdict verdict = classify_exchange(
      by_http(400), 400,
      R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})");
  EXPECT_EQ(verdict.kind, std::uint32_t{TOCSIN_UNAUTHORIZED});
  EXPECT_EQ(verdict.scope, Scope::kAccount);
  EXPECT_EQ(verdict.reason, "the token endpoint answered invalid_grant: Invalid JWT Signature.");
  EXPECT_EQ(classify_exchange(by_http(404), 404, "<html>").kind,
            std::uint32_t{TOCSIN_UNAUTHORIZED});
}

TEST(FcmClassify, AnExchangeThatFailsOtherwiseIsTriedAgain) {
  EXPECT_EQ(classify_exchange(by_http(503), 503, R"({"error":"unavailable"})").kind,
            std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(classify_exchange(by_http(429, 5s), 429, R"({"error":"slow_down"})").after,
            Duration(5s));
  EXPECT_EQ(classify_exchange(by_http(200), 200, "{}").kind, std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(classify_exchange(Verdict::ambiguous("cut"), 0, "").kind, std::uint32_t{TOCSIN_RETRY})
      << "nothing was sent yet";
}

}  // namespace
}  // namespace tocsin::output_fcm
