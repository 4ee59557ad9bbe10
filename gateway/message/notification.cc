#include "gateway/message/notification.h"

#include <array>
#include <charconv>

#include "gateway/base/text.h"

namespace tocsin::message {

namespace {

constexpr std::array<std::string_view, 8> kLevelNames = {
    "trace", "debug", "info", "notice", "warning", "error", "critical", "emergency"};

// Crockford's alphabet: no I, L, O and U, and ASCII order is the order of the numbers.
constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kIdDigits = 13;
constexpr std::string_view kNotificationPrefix = "ntf_";
constexpr std::string_view kDeliveryPrefix = "dlv_";
static_assert(kNotificationPrefix.size() == kDeliveryPrefix.size());

constexpr std::array<std::int8_t, 128> digit_values() {
  std::array<std::int8_t, 128> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
    values[static_cast<unsigned char>(to_lower(kDigits[i]))] = static_cast<std::int8_t>(i);
  }
  return values;
}
constexpr std::array<std::int8_t, 128> kDigitValues = digit_values();

std::string with_digits(std::string_view prefix, std::uint64_t value) {
  std::string text(prefix);
  text.resize(prefix.size() + kIdDigits);
  for (std::size_t i = text.size(); i > prefix.size(); --i) {
    text[i - 1] = kDigits[value & 31U];
    value >>= 5U;
  }
  return text;
}

std::optional<NotificationId> parse_digits(std::string_view prefix, std::string_view text) {
  if (text.size() != prefix.size() + kIdDigits) return std::nullopt;
  if (!equals_ignoring_case(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const int digit = byte < kDigitValues.size() ? kDigitValues[byte] : -1;
    // 13 digits hold 65 bits; the first may use four of its five.
    if (digit < 0 || value >> 59U != 0) return std::nullopt;
    value = value << 5U | static_cast<unsigned>(digit);
  }
  if (value == 0) return std::nullopt;
  return NotificationId{value};
}

}  // namespace

std::string_view level_name(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::optional<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (equals_ignoring_case(kLevelNames[i], name)) return static_cast<Level>(i);
  }
  if (equals_ignoring_case("warn", name)) return Level::kWarning;
  if (equals_ignoring_case("fatal", name)) return Level::kCritical;
  return std::nullopt;
}

std::string NotificationId::text() const { return with_digits(kNotificationPrefix, value); }

std::optional<NotificationId> NotificationId::parse(std::string_view text) {
  return parse_digits(kNotificationPrefix, text);
}

std::string DeliveryId::text() const {
  return with_digits(kDeliveryPrefix, notification.value) + "-" + std::to_string(ordinal);
}

std::optional<DeliveryId> DeliveryId::parse(std::string_view text) {
  constexpr std::size_t kDash = kDeliveryPrefix.size() + kIdDigits;
  if (text.size() < kDash + 2 || text[kDash] != '-') return std::nullopt;
  const std::optional<NotificationId> notification =
      parse_digits(kDeliveryPrefix, text.substr(0, kDash));
  if (!notification) return std::nullopt;
  const std::string_view digits = text.substr(kDash + 1);
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  DeliveryId id{*notification, 0};
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, id.ordinal);
  if (error != std::errc() || stop != end) return std::nullopt;
  return id;
}

const Label* Notification::find_label(std::string_view name) const {
  for (const Label& label : labels) {
    if (label.name == name) return &label;
  }
  return nullptr;
}

}  // namespace tocsin::message
