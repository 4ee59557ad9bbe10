// A webhook answers in plain text, "ok" or an error's name; the API in JSON:
//
//   {"ok":true,"channel":"C061EG9SL","ts":"1503435956.000247",...}
//   {"ok":false,"error":"channel_not_found",...}

#include "classify.h"

#include <algorithm>
#include <array>
#include <optional>

#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_slack {

namespace {

using Names = std::string_view;

// Names of errors that say more than "no". Whatever else Slack may say is final: asked again it
// would say the same.
constexpr std::array kUnauthorized = {
    Names("invalid_auth"),          Names("account_inactive"), Names("token_revoked"),
    Names("token_expired"),         Names("not_authed"),       Names("missing_scope"),
    Names("not_allowed_token_type")};
constexpr std::array kTransient = {Names("internal_error"), Names("fatal_error"),
                                   Names("service_unavailable"), Names("request_timeout"),
                                   Names("team_added_to_org")};
constexpr std::array kThrottled = {Names("ratelimited"), Names("rate_limited")};
constexpr std::array kLost = {Names("message_not_found"), Names("cant_update_message"),
                              Names("edit_window_closed"), Names("thread_not_found"),
                              Names("cannot_reply_to_message")};

template <std::size_t kCount>
bool is_one_of(const std::array<Names, kCount>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::size_t kNameBytesMax = 80;
constexpr std::size_t kDetailBytesMax = 200;

// Errors are words such as no_text. What is not may be a page of somebody on the way, and stays
// out of logs.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

Meaning meaning_of(std::string_view error) {
  if (is_one_of(kUnauthorized, error)) return Meaning::kUnauthorized;
  if (is_one_of(kTransient, error)) return Meaning::kTransient;
  if (is_one_of(kThrottled, error)) return Meaning::kThrottled;
  if (is_one_of(kLost, error)) return Meaning::kMessageLost;
  return Meaning::kFinal;
}

std::string told(std::string_view error) {
  return "Slack says " + (is_name(error) ? std::string(error) : "no, and gives no name for it");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

Reading read_webhook_answer(std::uint32_t status, std::string_view body) {
  const std::string_view word = trimmed(body);
  Reading reading;
  if (status == 200 && word == "ok") {
    reading.meaning = Meaning::kDelivered;
  } else if (status >= 200 && status < 300) {
    reading = {Meaning::kTransient, "what answered is no Slack: its body is not \"ok\"", {}, {}};
  } else if (status == 403 || status == 404 || status == 410) {
    reading = {Meaning::kTargetGone, told(word), {}, {}};
  } else if (status >= 400 && status < 500 && is_name(word)) {
    reading.meaning = status == 400 ? Meaning::kFinal : Meaning::kByStatus;
    reading.reason = told(word);
  }
  return reading;
}

Reading read_api_answer(std::uint32_t status, std::string_view body) {
  Reading reading;
  // Beyond a 200 and a 4xx the status says what is the matter, whatever stands in the body.
  if (status == 429 || status >= 500) return reading;
  const std::optional<sdk::JsonReply> reply = sdk::JsonReply::read(body);
  const std::optional<bool> ok = reply ? reply->boolean("/ok") : std::nullopt;
  if (!ok) {
    if (status < 200 || status >= 300) return reading;
    // More of it than is read: it repeats the message. To send that again would be heard.
    if (body.starts_with(R"({"ok":true)")) return {Meaning::kDelivered, {}, {}, {}};
    return {Meaning::kTransient, "what answered is no Slack: its body has no \"ok\"", {}, {}};
  }
  if (*ok && status >= 200 && status < 300) {
    reading.meaning = Meaning::kDelivered;
    reading.channel = reply->text("/channel").value_or("");
    reading.ts = reply->text("/ts").value_or("");
    return reading;
  }
  const std::string_view error = reply->text("/error").value_or("");
  reading.meaning = meaning_of(error);
  reading.reason = told(error);
  // Of blocks it says which one is wrong, and where.
  const std::string_view detail = reply->text("/response_metadata/messages/0").value_or("");
  if (!detail.empty()) {
    reading.reason.append(": ");
    sdk::append_cut(reading.reason, detail, kDetailBytesMax, sdk::CutUnit::kBytes);
  }
  return reading;
}

}  // namespace tocsin::output_slack
