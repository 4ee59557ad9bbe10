// Twilio answers in JSON:
//
//   201 {"sid":"SM...","status":"queued","error_code":null,...}
//   400 {"code":21211,"message":"Invalid 'To' Phone Number: +1555...","status":400,...}
//
// and calls back with forms: MessageStatus=delivered&MessageSid=SM..., From=%2B49...&Body=STOP.

#include "classify.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_sms {

namespace {

struct Code {
  std::string_view code;
  Meaning meaning;
  std::string_view words;  // empty: Twilio's own
};
// https://www.twilio.com/docs/api/errors; where the status alone would say something else, or less.
constexpr std::array kCodes = {
    Code{"20003", Meaning::kUnauthorized, "the account's credentials are no good"},
    Code{"20429", Meaning::kThrottled, "too many requests"},
    Code{"14107", Meaning::kThrottled, "the sender's rate is spent"},
    Code{"21211", Meaning::kRejected, "nobody can have this number"},
    Code{"21610", Meaning::kTargetGone, "the recipient has opted out"},
    Code{"21611", Meaning::kThrottled, "the sender's queue is full"},
    Code{"21614", Meaning::kRejected, "this number takes no text messages"},
};

std::string told(std::string_view code, std::string_view words) {
  constexpr std::size_t kWordsBytesMax = 200;
  std::string text = "Twilio says " + std::string(code.empty() ? "no" : code);
  if (words.empty()) return text;
  text.append(": ");
  sdk::append_cut(text, words, kWordsBytesMax, sdk::CutUnit::kBytes);
  return text;
}

Reading refusal(std::string_view code, std::string_view message, Meaning otherwise) {
  const auto* known =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const Code& c) { return c.code == code; });
  if (known == kCodes.end()) return {otherwise, told(code, message), {}};
  return {known->meaning, told(code, known->words), {}};
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The one word that a text consists of, in capitals; empty: it says more, or less.
std::string only_word(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\n.!\"'";
  constexpr std::size_t kBytesMax = 16;
  const std::size_t begin = text.find_first_not_of(kAround);
  if (begin == text.npos) return {};
  std::string word(text.substr(begin, text.find_last_not_of(kAround) - begin + 1));
  if (word.size() > kBytesMax) return {};
  for (char& c : word) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (c < 'A' || c > 'Z') return {};
  }
  return word;
}

}  // namespace

Reading read_twilio_answer(std::uint32_t status, std::string_view body) {
  const std::optional<sdk::JsonReply> reply = sdk::JsonReply::read(body);
  const auto text = [&reply](std::string_view pointer) {
    return reply ? reply->text(pointer).value_or("") : std::string_view();
  };
  if (status >= 200 && status < 300) {
    const std::string_view code = text("/error_code");
    const std::string_view state = text("/status");
    if (is_one_of(state, {"failed", "undelivered", "canceled"})) {
      return refusal(code, text("/error_message"), Meaning::kRejected);
    }
    const std::string_view sid = text("/sid");
    if (sid.empty())
      return {Meaning::kAmbiguous, "what answered is no Twilio: it gives no sid", {}};
    return {Meaning::kDelivered, {}, std::string(sid)};
  }
  const std::string_view code = text("/code");
  // Twilio's own words for 429, 5xx and the like are no better than the status.
  if (status == 429 || status >= 500 || code.empty()) return {};
  const bool credentials = status == 401 || status == 403;
  return refusal(code, text("/message"), credentials ? Meaning::kUnauthorized : Meaning::kRejected);
}

Progress read_status(const Form& form) {
  std::string_view state = field_of(form, "MessageStatus");
  if (state.empty()) state = field_of(form, "SmsStatus");
  Progress progress;
  progress.provider_id = field_of(form, "MessageSid");
  if (is_one_of(state, {"accepted", "scheduled", "queued", "sending", "sent"})) {
    progress.state = Progress::State::kUnderWay;
  } else if (is_one_of(state, {"delivered", "read"})) {
    progress.state = Progress::State::kDelivered;
  } else if (is_one_of(state, {"undelivered", "failed", "canceled"})) {
    progress.state = Progress::State::kBounced;
    progress.reason = "Twilio says " + std::string(state);
    const std::string_view code = field_of(form, "ErrorCode");
    if (!code.empty() && code.find_first_not_of("0123456789") == code.npos) {
      progress.reason.append(": error ").append(code.substr(0, 8));
    }
  }
  return progress;
}

// Twilio's own list; an account with Advanced Opt-Out has its words looked at by Twilio.
Wish read_wish(const Form& form) {
  std::string word = only_word(field_of(form, "OptOutType"));
  if (word.empty()) word = only_word(field_of(form, "Body"));
  if (is_one_of(word,
                {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})) {
    return Wish::kStop;
  }
  return is_one_of(word, {"START", "UNSTOP", "YES"}) ? Wish::kStart : Wish::kNone;
}

}  // namespace tocsin::output_sms
