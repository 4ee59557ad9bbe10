#include "gateway/plugin/http_verdict.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "gateway/http/retry_after.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {
namespace {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;
using std::chrono::seconds;

// 1994-11-06T08:49:37Z, the date of RFC 9110's examples.
const WallTime kNow{seconds(784'111'777)};

Verdict answered(std::uint32_t status, std::string_view retry_after = {}) {
  const tocsin_header header{str_of("retry-after"), str_of(retry_after)};
  tocsin_http_response response{};
  response.size = sizeof(response);
  response.status = status;
  response.sent = 1;
  response.headers = &header;
  response.header_count = retry_after.empty() ? 0 : 1;
  response.header_stride = sizeof(header);
  return http_verdict(response, kNow);
}

Verdict failed(std::uint32_t failure, bool sent, bool idempotent) {
  tocsin_http_response response{};
  response.size = sizeof(response);
  response.failure = failure;
  response.sent = sent ? 1 : 0;
  response.flags = idempotent ? TOCSIN_HTTP_IDEMPOTENT : 0U;
  response.error = str_of("words of the client");
  return http_verdict(response, kNow);
}

TEST(HttpVerdict, FollowsItsTable) {
  const struct {
    std::uint32_t status;
    VerdictKind kind;
  } rows[] = {
      {200, VerdictKind::kDelivered},    {202, VerdictKind::kDelivered},
      {204, VerdictKind::kDelivered},    {299, VerdictKind::kDelivered},
      {301, VerdictKind::kRejected},     {304, VerdictKind::kRejected},
      {400, VerdictKind::kRejected},     {401, VerdictKind::kUnauthorized},
      {403, VerdictKind::kUnauthorized}, {404, VerdictKind::kRejected},
      {407, VerdictKind::kUnauthorized}, {408, VerdictKind::kRetry},
      {410, VerdictKind::kTargetGone},   {413, VerdictKind::kRejected},
      {425, VerdictKind::kRetry},        {429, VerdictKind::kThrottled},
      {500, VerdictKind::kRetry},        {502, VerdictKind::kRetry},
      {503, VerdictKind::kRetry},        {504, VerdictKind::kRetry},
      {599, VerdictKind::kRetry},
  };
  for (const auto& row : rows) EXPECT_EQ(answered(row.status).kind, row.kind) << row.status;
}

TEST(HttpVerdict, NamesTheAnswerUnlessItWasGood) {
  EXPECT_EQ(answered(200).reason, "");
  EXPECT_EQ(answered(404).reason, "the receiver answered 404 Not Found");
}

TEST(HttpVerdict, ClosesTheAccountForRefusedCredentialsAndTheAddressForOneThatIsGone) {
  EXPECT_EQ(answered(401).scope, VerdictScope::kAccount);
  EXPECT_EQ(answered(410).scope, VerdictScope::kAddress);
}

TEST(HttpVerdict, WaitsAsLongAsRetryAfterSays) {
  EXPECT_EQ(answered(429, "7").after, seconds(7));
  EXPECT_EQ(answered(429, " 7 ").after, seconds(7));
  EXPECT_EQ(answered(500, "8").after, seconds(8));
  EXPECT_EQ(answered(503, "9").kind, VerdictKind::kThrottled);
  EXPECT_EQ(answered(503, "9").after, seconds(9));
  EXPECT_EQ(answered(503, "0").kind, VerdictKind::kThrottled);
}

TEST(HttpVerdict, UnderstandsDatesAndCountsFromTheWallClock) {
  EXPECT_EQ(answered(429, "Sun, 06 Nov 1994 08:50:37 GMT").after, seconds(60));
  EXPECT_EQ(answered(429, "Sunday, 06-Nov-94 08:50:37 GMT").after, seconds(60));
  EXPECT_EQ(answered(429, "Sun Nov  6 08:50:37 1994").after, seconds(60));
  EXPECT_EQ(answered(429, "Sun, 06 Nov 1994 08:00:00 GMT").after, seconds(0));
}

TEST(HttpVerdict, NeverWaitsLongerThanADay) {
  EXPECT_EQ(answered(429, "86400000").after, http::kRetryAfterMax);
  EXPECT_EQ(answered(429, "99999999999999999999999999").after, http::kRetryAfterMax);
  EXPECT_EQ(answered(429, "Sun, 06 Nov 2094 08:50:37 GMT").after, http::kRetryAfterMax);
}

TEST(HttpVerdict, TakesARetryAfterItCannotReadForNone) {
  for (const char* text : {"soon", "-5", "1.5", "7s", "Sun, 99 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(answered(429, text).after, Duration::zero()) << text;
    EXPECT_EQ(answered(503, text).kind, VerdictKind::kRetry) << text;
  }
}

TEST(HttpVerdict, IsInDoubtOnlyWhenTheRequestMayHaveArrivedAndMatters) {
  for (const std::uint32_t failure :
       {TOCSIN_HTTP_NO_CONNECTION, TOCSIN_HTTP_TIMEOUT, TOCSIN_HTTP_CUT, TOCSIN_HTTP_PROTOCOL}) {
    EXPECT_EQ(failed(failure, false, false).kind, VerdictKind::kRetry) << failure;
    EXPECT_EQ(failed(failure, true, true).kind, VerdictKind::kRetry) << failure;
    EXPECT_EQ(failed(failure, true, false).kind, VerdictKind::kAmbiguous) << failure;
  }
  EXPECT_EQ(failed(TOCSIN_HTTP_TIMEOUT, true, false).reason, "words of the client");
}

}  // namespace
}  // namespace tocsin::plugin
