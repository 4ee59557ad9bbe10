#include "format.h"

#include <algorithm>

#include "segments.h"
#include "tocsin/sdk/cut.hpp"

namespace tocsin::output_sms {

std::string_view phone_of(std::string_view address) {
  constexpr std::string_view kKind = "sms:";
  return address.starts_with(kKind) ? address.substr(kKind.size()) : address;
}

std::string_view phone_fault(std::string_view phone) {
  constexpr std::size_t kDigitsMin = 7;
  constexpr std::size_t kDigitsMax = 15;
  if (!phone.starts_with('+')) {
    return "a phone number is written with + and its country, as +4917012345678";
  }
  phone.remove_prefix(1);
  const bool digits =
      std::all_of(phone.begin(), phone.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return "a phone number has nothing but digits behind the +";
  if (phone.size() < kDigitsMin || phone.size() > kDigitsMax) {
    return "a phone number has 7 to 15 digits";
  }
  return phone.front() == '0' ? "no country's number begins with 0" : std::string_view();
}

std::string text_of(const sdk::Notification& notification) {
  std::string text(notification.title());
  if (!text.empty() && !notification.body().empty()) text.append("\n");
  text.append(notification.body());
  return text.empty() ? std::string(notification.topic()) : text;
}

bool append_fitting(std::string& out, std::string_view text, std::size_t max) {
  constexpr std::string_view kDots = "...";
  constexpr sdk::CutUnit kUnit = sdk::CutUnit::kUtf16;
  const std::size_t kept = sdk::fitting_prefix(text, max - kDots.size(), kUnit);
  const bool gsm7 = segments_of(text.substr(0, kept)).alphabet == Alphabet::kGsm7;
  return sdk::append_cut(out, text, max, kUnit, gsm7 ? kDots : sdk::kCutMarker);
}

}  // namespace tocsin::output_sms
