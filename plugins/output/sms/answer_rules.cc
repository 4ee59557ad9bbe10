#include "answer_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tocsin/sdk/json.hpp"

namespace tocsin::output_sms {

namespace {

constexpr std::array<std::pair<std::string_view, Meaning>, 7> kNames = {{
    {"delivered", Meaning::kDelivered},
    {"retry", Meaning::kRetry},
    {"throttled", Meaning::kThrottled},
    {"rejected", Meaning::kRejected},
    {"target_gone", Meaning::kTargetGone},
    {"ambiguous", Meaning::kAmbiguous},
    {"unauthorized", Meaning::kUnauthorized},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What a provider writes may be anything; of a code only what looks like one is told.
std::string told(std::string_view code) {
  constexpr std::size_t kBytesMax = 64;
  const bool readable = !code.empty() && code.size() <= kBytesMax &&
                        std::all_of(code.begin(), code.end(), [](char c) {
                          return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 c == '_' || c == '-' || c == '.' || c == ' ';
                        });
  return readable ? "the provider says " + std::string(code) : "the provider says no";
}

}  // namespace

std::optional<Meaning> meaning_named(std::string_view name) {
  const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                   [name](const auto& entry) { return entry.first == name; });
  return found == kNames.end() ? std::nullopt : std::optional(found->second);
}

bool is_status_pattern(std::string_view text) {
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
  return text.substr(1) == "xx" || (is_digit(text[1]) && is_digit(text[2]));
}

std::optional<Meaning> AnswerRules::of_status(std::uint32_t status) const {
  const std::string exact = std::to_string(status);
  auto found = statuses.find(exact);
  if (found == statuses.end()) found = statuses.find(exact.substr(0, 1) + "xx");
  return found == statuses.end() ? std::nullopt : std::optional(found->second);
}

bool AnswerRules::codes_deliver() const {
  return std::any_of(codes.begin(), codes.end(),
                     [](const auto& entry) { return entry.second == Meaning::kDelivered; });
}

Reading AnswerRules::read(std::uint32_t status, std::string_view body) const {
  Reading reading;
  std::string_view code;
  std::optional<sdk::JsonReply> reply;
  if (!code_pointer.empty() || !id_pointer.empty()) reply = sdk::JsonReply::read(body);
  if (reply) {
    if (!id_pointer.empty()) reading.provider_id = reply->text(id_pointer).value_or("");
    if (!code_pointer.empty()) code = reply->text(code_pointer).value_or("");
  }
  const bool good = status >= 200 && status < 300;
  if (const auto rule = codes.find(code); !code.empty() && rule != codes.end()) {
    reading.meaning = rule->second;
  } else if (const auto by_status = of_status(status)) {
    reading.meaning = *by_status;
  } else if (good && codes_deliver()) {
    reading.meaning = Meaning::kRejected;
  } else if (good) {
    reading.meaning = Meaning::kDelivered;
  }
  if (reading.meaning == Meaning::kDelivered) return reading;
  reading.provider_id.clear();
  if (!code.empty() || good) reading.reason = told(code);
  return reading;
}

}  // namespace tocsin::output_sms
