#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"

// What came in. Every view points into the arena that the notification was decoded into; whoever
// holds its SealedArena (see message.h) holds the bytes.

namespace tocsin::message {

/// How much a notification matters; the numbers ascend, so a comparison reads as it should.
enum class Level : std::uint8_t {
  kTrace,
  kDebug,
  kInfo,
  kNotice,
  kWarning,
  kError,
  kCritical,
  kEmergency
};

/// "trace" .. "emergency".
std::string_view level_name(Level level);
/// The names above, and the aliases "warn" and "fatal" (critical); ASCII case is ignored.
std::optional<Level> parse_level(std::string_view name);

/// Given by the outbox front, strictly ascending: 41 bits of milliseconds since
/// 2024-01-01T00:00:00Z, 10 bits of node, 12 bits of sequence. 0 is no id.
struct NotificationId {
  static constexpr std::int64_t kEpochMs = 1'704'067'200'000;

  std::uint64_t value = 0;

  explicit operator bool() const { return value != 0; }
  auto operator<=>(const NotificationId&) const = default;

  /// "ntf_" and 13 digits of Crockford's base 32, so that texts sort as ids do.
  std::string text() const;
  /// Only what text() writes, in either case; nothing for anything else or for 0.
  static std::optional<NotificationId> parse(std::string_view text);
};

/// One notification to one output and one address.
struct DeliveryId {
  NotificationId notification;
  std::uint32_t ordinal = 0;  ///< counts from 0 in the order of routing

  auto operator<=>(const DeliveryId&) const = default;

  /// "dlv_", the notification's 13 digits, "-" and the ordinal in decimal. Travels to providers as
  /// the idempotency key.
  std::string text() const;
  static std::optional<DeliveryId> parse(std::string_view text);
};

struct Label {
  std::string_view name;
  std::string_view value;
};

/// Whom to reach, as "kind:value": email:a@b.example, phone:+15550111.
struct Recipient {
  std::string_view kind;
  std::string_view value;
};

inline constexpr std::size_t kTopicBytesMax = 256;
inline constexpr std::size_t kTitleBytesMax = 1024;
inline constexpr std::size_t kKeyBytesMax = 256;
inline constexpr std::size_t kExternalIdBytesMax = 256;
inline constexpr std::size_t kLabelsMax = 64;
inline constexpr std::size_t kLabelNameBytesMax = 128;
inline constexpr std::size_t kLabelValueBytesMax = 1024;
inline constexpr std::size_t kRecipientsMax = 1000;
inline constexpr std::size_t kRecipientBytesMax = 512;

/// Trivially destructible, lives in an arena; immutable once sealed.
struct Notification {
  std::string_view topic;  ///< segments apart by '.', never empty
  Level level = Level::kInfo;
  std::string_view title;
  std::string_view body;
  std::span<const Label> labels;  ///< unique names, in the order given
  std::string_view data;          ///< any JSON value as it was received; empty: absent
  std::string_view key;           ///< orders and groups; empty: none
  std::string_view external_id;   ///< the sender's own; empty: none
  std::span<const Recipient> to;
  std::optional<WallTime> deliver_at;  ///< not before
  std::optional<WallTime> expires_at;  ///< not after
  bool supersede = false;              ///< cancels earlier ones of `key` that were not yet sent

  /// The value of a label, or null.
  const Label* find_label(std::string_view name) const;
};

}  // namespace tocsin::message
