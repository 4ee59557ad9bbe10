#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/message/notification_codec.h"
#include "gateway/message/short_list.h"

namespace tocsin::message {

/// The rules of the wire format, fed with the events of a JSON parser; it knows no parser. Events
/// come in document order with the offset behind their token. False: stop, take_fault() says why.
class NotificationBuilder {
 public:
  enum class Rules : std::uint8_t { kReceived, kStored };

  /// `received` lies in `arena` and outlives the result; offsets count in it.
  NotificationBuilder(std::string_view received, Arena& arena, const DecodeOptions& options,
                      Rules rules);

  bool on_name(std::string_view name, std::size_t end);
  bool on_text(std::string_view text, std::size_t end);
  /// null or a number; `what` names it for messages: "null", "a number".
  bool on_scalar(std::string_view what, std::size_t end);
  bool on_boolean(bool value, std::size_t end);
  bool on_open(bool is_object);
  bool on_close(std::size_t end);

  /// The notification, after the last event.
  tl::expected<Decoded, Invalid> finish();
  Invalid take_fault();
  /// Where the newest value stands, as an RFC 6901 pointer.
  std::string pointer() const;

 private:
  enum Field : std::uint8_t {
    kTopic,
    kLevel,
    kTitle,
    kBody,
    kLabels,
    kData,
    kKey,
    kExternalId,
    kTo,
    kDeliverAt,
    kDelay,
    kExpiresAt,
    kSupersede,
    kIdempotencyKey,
    kUnknown,
  };
  static constexpr std::size_t kFields = kUnknown;

  /// An open array or object.
  struct Frame {
    bool is_object = false;
    std::uint32_t count = 0;        ///< values begun
    std::uint32_t names_begin = 0;  ///< in names_
    std::string_view name;          ///< of the newest member
  };

  /// Which part of the notification a value at the present depth is.
  enum class Part : std::uint8_t { kRoot, kField, kLabel, kRecipient, kInside };
  Part part() const;
  bool is_free_form() const { return field_ == kData || field_ == kUnknown; }

  bool begin_field(std::string_view name, std::size_t end);
  bool note_name(std::string_view name);
  bool names_are_unique();
  void begin_value();
  void end_value(std::size_t end);
  bool is_as_received(std::string_view decoded, std::size_t end) const;
  bool is_sound(std::string_view decoded, std::size_t end);
  std::optional<std::string_view> keep(std::string_view decoded, std::size_t end);

  bool set_field(std::string_view text);
  bool set_text(std::string_view text, std::string_view& to);
  bool set_topic(std::string_view text);
  bool set_level(std::string_view text);
  bool set_time(std::string_view text, std::optional<WallTime>& to);
  bool set_delay(std::string_view text);
  bool add_label(std::string_view value);
  bool add_recipient(std::string_view text);
  bool settle_times();
  bool settle_lists();
  void drop_repeated_recipients();

  bool fault(std::string detail) { return fault(pointer(), std::move(detail)); }
  bool fault(std::string pointer, std::string detail);
  bool wrong_type(std::string_view got);
  bool too_large();

  std::string_view received_;
  Arena& arena_;
  const DecodeOptions& options_;
  Rules rules_;

  Notification notification_;
  std::string_view idempotency_key_;
  std::optional<Duration> delay_;
  bool level_is_canonical_ = false;
  bool recipients_differ_ = false;  ///< from what was received

  Field field_ = kUnknown;
  unsigned seen_ = 0;  ///< a bit for each field
  std::size_t data_begin_ = 0;
  ShortList<Frame, 8> frames_;             ///< the first is the notification itself
  ShortList<std::string_view, 64> names_;  ///< of all open objects below it, in order
  ShortList<Label, kLabelsMax> labels_;
  ShortList<Recipient, 16> recipients_;
  std::optional<Invalid> fault_;
};

}  // namespace tocsin::message
