// An error, as FCM answers it:
//
//   {"error": {"code": 404, "status": "NOT_FOUND", "message": "Requested entity was not found.",
//     "details": [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
//                  "errorCode": "UNREGISTERED"}]}}
//
// Other details stand beside that one, in any order. Without a code of FCM's own the status counts.

#include "classify.h"

#include <algorithm>
#include <string>

#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {

namespace {

using sdk::Scope;
using sdk::Verdict;

// What Google asks for who hears of a quota without a time.
constexpr sdk::Duration kQuotaPause = std::chrono::seconds(60);
constexpr std::size_t kDetailsMax = 16;
constexpr std::size_t kMessageBytesMax = 200;

struct Error {
  std::string code;     // FCM's own, or else the status of the API; empty: it was no such answer
  std::string message;  // for people
};

Error read_error(std::string_view body) {
  const auto answer = sdk::JsonReply::read(body);
  if (!answer) return {};
  Error error;
  error.code = answer->text("/error/status").value_or("");
  sdk::append_cut(error.message, answer->text("/error/message").value_or(""), kMessageBytesMax,
                  sdk::CutUnit::kBytes);
  for (std::size_t i = 0; i < kDetailsMax; ++i) {
    const auto code = answer->text("/error/details/" + std::to_string(i) + "/errorCode");
    if (!code) continue;
    error.code = *code;
    break;
  }
  return error;
}

std::string reason_of(const Error& error) {
  std::string reason = "FCM answered " + error.code;
  if (!error.message.empty()) reason.append(": ").append(error.message);
  return reason;
}

}  // namespace

Verdict classify(Verdict by_http, std::uint32_t status, std::string_view body) {
  if (by_http.kind == TOCSIN_DELIVERED) {
    const auto answer = sdk::JsonReply::read(body);
    if (answer) by_http.provider_id = answer->text("/name").value_or("");
    return by_http;
  }
  const Error error = read_error(body);
  if (error.code.empty()) return by_http;
  const std::string reason = reason_of(error);
  const std::string_view code = error.code;
  if (code == "UNREGISTERED") return Verdict::target_gone(reason);
  // A token that FCM cannot read is no token that is gone: the fault may be anywhere else in it.
  if (code == "INVALID_ARGUMENT" || code == "SENDER_ID_MISMATCH") return Verdict::rejected(reason);
  if (code == "QUOTA_EXCEEDED" || code == "RESOURCE_EXHAUSTED" || status == 429) {
    const bool told = by_http.after > sdk::Duration::zero();
    return Verdict::throttled(reason, told ? by_http.after : kQuotaPause);
  }
  // Of Apple's or a browser's devices alone: the others are served.
  if (code == "THIRD_PARTY_AUTH_ERROR") return Verdict::unauthorized(reason, Scope::kAddress);
  if (code == "UNAVAILABLE" || code == "INTERNAL" || status >= 500) {
    return Verdict::retry(reason, by_http.after);
  }
  by_http.reason = reason;
  return by_http;
}

bool refuses_token(std::uint32_t status, std::string_view body) {
  return status == 401 && read_error(body).code != "THIRD_PARTY_AUTH_ERROR";
}

Verdict classify_exchange(Verdict by_http, std::uint32_t status, std::string_view body) {
  const std::string where = "the token endpoint answered ";
  if (by_http.kind == TOCSIN_DELIVERED) {
    return Verdict::retry(where + "without an access token");
  }
  const auto answer = sdk::JsonReply::read(body);
  const auto code = answer ? answer->text("/error") : std::nullopt;
  if (code && status < 500 && status != 429) {
    std::string reason = where;
    sdk::append_cut(reason, *code, kMessageBytesMax, sdk::CutUnit::kBytes);
    if (const auto words = answer->text("/error_description")) {
      sdk::append_cut(reason.append(": "), *words, kMessageBytesMax, sdk::CutUnit::kBytes);
    }
    return Verdict::unauthorized(std::move(reason));
  }
  // Nothing was sent yet, so whatever else went wrong may be tried again.
  if (by_http.kind == TOCSIN_REJECTED || by_http.kind == TOCSIN_TARGET_GONE) {
    by_http.kind = TOCSIN_UNAUTHORIZED;
    by_http.scope = Scope::kAccount;
  }
  if (by_http.kind == TOCSIN_AMBIGUOUS) by_http.kind = TOCSIN_RETRY;
  by_http.reason = "no access token: " + by_http.reason;
  return by_http;
}

}  // namespace tocsin::output_fcm
