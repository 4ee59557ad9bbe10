#include "gateway/message/notification_builder.h"

#include <algorithm>
#include <array>

#include "gateway/base/byte_scan.h"
#include "gateway/base/text.h"
#include "gateway/base/units.h"
#include "gateway/message/address.h"
#include "gateway/message/pointer.h"
#include "gateway/message/time_text.h"

namespace tocsin::message {

namespace {

/// Longer texts are neither a time nor a duration, and would only be repeated in a message.
constexpr std::size_t kTimeBytesMax = 64;
/// Up to here each name is compared with those before it; larger objects are sorted at their end.
constexpr std::size_t kComparedNamesMax = 16;

struct FieldRule {
  std::string_view name;
  std::string_view expected;
  std::size_t bytes_max = 0;
  bool plain = true;  ///< holds no control characters
};

// In the order of NotificationBuilder::Field.
constexpr std::array<FieldRule, 14> kRules = {{
    {"topic", "a string", kTopicBytesMax},
    {"level", "a string", kShownNameBytesMax},
    {"title", "a string", kTitleBytesMax},
    {"body", "a string", SIZE_MAX, false},
    {"labels", "an object of strings"},
    {"data", "any value"},
    {"key", "a string", kKeyBytesMax},
    {"external_id", "a string", kExternalIdBytesMax},
    {"to", "an array of strings"},
    {"deliver_at", "a string", kTimeBytesMax},
    {"delay", "a string", kTimeBytesMax},
    {"expires_at", "a string", kTimeBytesMax},
    {"supersede", "true or false"},
    {"idempotency_key", "a string", kIdempotencyKeyBytesMax},
}};

constexpr std::array<std::string_view, kRules.size()> field_names() {
  std::array<std::string_view, kRules.size()> names{};
  for (std::size_t i = 0; i < kRules.size(); ++i) names[i] = kRules[i].name;
  return names;
}
constexpr std::array<std::string_view, kRules.size()> kFieldNames = field_names();

std::string in_quotes(std::string_view name) { return "\"" + std::string(shown_name(name)) + "\""; }

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// The parser turns a lone \uDC00 into the three bytes that UTF-8 forbids.
bool holds_surrogate(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const bool lead = static_cast<unsigned char>(text[i]) == 0xED;
    if (lead && static_cast<unsigned char>(text[i + 1]) >= 0xA0) return true;
  }
  return false;
}

bool is_recipient_kind(std::string_view kind) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (kind.empty() || !letter(kind[0])) return false;
  return std::all_of(kind.begin(), kind.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool same_recipient(const Recipient& a, const Recipient& b) {
  return a.kind == b.kind && a.value == b.value;
}

std::string at_most(std::size_t bytes, std::size_t got) {
  return "must have at most " + std::to_string(bytes) + " bytes, and has " + std::to_string(got);
}

}  // namespace

NotificationBuilder::NotificationBuilder(std::string_view received, Arena& arena,
                                         const DecodeOptions& options, Rules rules)
    : received_(received), arena_(arena), options_(options), rules_(rules) {
  static_assert(kRules.size() == kFields);
  TOCSIN_ASSERT(options.depth_max <= kDepthCeiling, "a depth beyond the ceiling");
}

NotificationBuilder::Part NotificationBuilder::part() const {
  if (frames_.empty()) return Part::kRoot;
  if (frames_.size() == 1) return Part::kField;
  if (is_free_form()) return Part::kInside;
  return field_ == kLabels ? Part::kLabel : Part::kRecipient;
}

// ---- events

bool NotificationBuilder::on_name(std::string_view name, std::size_t end) {
  Frame& frame = frames_.back();
  ++frame.count;
  if (frames_.size() == 1) return begin_field(name, end);
  const std::optional<std::string_view> kept = keep(name, end);
  if (!kept) return false;
  frame.name = *kept;
  if (!note_name(*kept)) return false;
  if (part() != Part::kLabel) return true;
  if (kept->empty()) return fault("a label needs a name");
  if (kept->size() > kLabelNameBytesMax) {
    return fault("the name of a label " + at_most(kLabelNameBytesMax, kept->size()));
  }
  if (scan::holds_control(*kept)) return fault("the name of a label holds a control character");
  if (labels_.size() == kLabelsMax) {
    return fault("/labels", "there may be at most " + std::to_string(kLabelsMax) + " labels");
  }
  labels_.push({*kept, {}});
  return true;
}

bool NotificationBuilder::on_text(std::string_view text, std::size_t end) {
  begin_value();
  const Part where = part();
  if (where == Part::kRoot) return wrong_type("a string");
  if (is_free_form()) {
    if (!is_sound(text, end)) return false;
    end_value(end);
    return true;
  }
  const bool takes_none = field_ == kLabels || field_ == kTo || field_ == kSupersede;
  if (where == Part::kField && takes_none) return wrong_type("a string");
  const std::optional<std::string_view> kept = keep(text, end);
  if (!kept) return false;
  if (holds_nul(*kept)) return fault("holds the character U+0000");
  switch (where) {
    case Part::kLabel:
      return add_label(*kept);
    case Part::kRecipient:
      return add_recipient(*kept);
    default:
      return set_field(*kept);
  }
}

bool NotificationBuilder::on_scalar(std::string_view what, std::size_t end) {
  begin_value();
  if (part() == Part::kRoot || !is_free_form()) return wrong_type(what);
  end_value(end);
  return true;
}

bool NotificationBuilder::on_boolean(bool value, std::size_t end) {
  if (part() != Part::kField || field_ != kSupersede) return on_scalar("a boolean", end);
  notification_.supersede = value;
  return true;
}

bool NotificationBuilder::on_open(bool is_object) {
  begin_value();
  const Part where = part();
  const bool fits = where == Part::kRoot ? is_object
                    : where == Part::kField
                        ? is_free_form() || field_ == (is_object ? kLabels : kTo)
                        : where == Part::kInside;
  if (!fits) return wrong_type(is_object ? "an object" : "an array");
  if (frames_.size() >= options_.depth_max) {
    return fault("arrays and objects may stand at most " + std::to_string(options_.depth_max) +
                 " deep in one another");
  }
  frames_.push({is_object, 0, static_cast<std::uint32_t>(names_.size()), {}});
  return true;
}

bool NotificationBuilder::on_close(std::size_t end) {
  if (!names_are_unique()) return false;
  names_.shrink(frames_.back().names_begin);
  frames_.shrink(frames_.size() - 1);
  end_value(end);
  return true;
}

void NotificationBuilder::begin_value() {
  if (!frames_.empty() && !frames_.back().is_object) ++frames_.back().count;
}

void NotificationBuilder::end_value(std::size_t end) {
  if (frames_.size() != 1 || field_ != kData) return;
  notification_.data = received_.substr(data_begin_, end - data_begin_);
}

// ---- names

bool NotificationBuilder::begin_field(std::string_view name, std::size_t end) {
  std::size_t i = 0;
  while (i < kFields && kRules[i].name != name) ++i;
  field_ = static_cast<Field>(i);
  if (field_ == kUnknown) {
    const std::optional<std::string_view> kept = keep(name, end);
    if (!kept) return false;
    frames_.back().name = *kept;
    if (rules_ == Rules::kStored) return true;
    const auto near = closest(name, kFieldNames);
    return fault("there is no field " + in_quotes(*kept) +
                 (near ? "; did you mean " + in_quotes(*near) + "?" : std::string()));
  }
  frames_.back().name = kRules[i].name;
  const unsigned bit = 1U << i;
  if ((seen_ & bit) != 0) return fault("the field is given twice");
  seen_ |= bit;
  // Between a name and its value stand a colon and blanks.
  if (field_ == kData) data_begin_ = received_.find_first_not_of(" \t\r\n:", end);
  return true;
}

bool NotificationBuilder::note_name(std::string_view name) {
  const std::size_t begin = frames_.back().names_begin;
  if (names_.size() - begin < kComparedNamesMax) {
    const auto* first = names_.begin() + begin;
    if (std::find(first, static_cast<const std::string_view*>(names_.end()), name) !=
        names_.end()) {
      return fault("the name " + in_quotes(name) + " is given twice");
    }
  }
  names_.push(name);
  return true;
}

bool NotificationBuilder::names_are_unique() {
  Frame& frame = frames_.back();
  auto* first = names_.begin() + frame.names_begin;
  if (static_cast<std::size_t>(names_.end() - first) <= kComparedNamesMax) return true;
  std::sort(first, names_.end());
  const auto* twice = std::adjacent_find(first, names_.end());
  if (twice == names_.end()) return true;
  frame.name = *twice;
  return fault("the name " + in_quotes(*twice) + " is given twice");
}

// ---- texts

// The bytes before the closing quote are the text itself unless it was written with escapes; then
// they differ, or happen to be equal, which serves as well.
bool NotificationBuilder::is_as_received(std::string_view decoded, std::size_t end) const {
  return received_.substr(end - 1 - decoded.size(), decoded.size()) == decoded;
}

bool NotificationBuilder::is_sound(std::string_view decoded, std::size_t end) {
  if (is_as_received(decoded, end) || !holds_surrogate(decoded)) return true;
  return fault("holds half of a surrogate pair, which is no character");
}

std::optional<std::string_view> NotificationBuilder::keep(std::string_view decoded,
                                                          std::size_t end) {
  if (is_as_received(decoded, end))
    return received_.substr(end - 1 - decoded.size(), decoded.size());
  if (!is_sound(decoded, end)) return std::nullopt;
  const std::optional<std::string_view> copy = arena_.copy(decoded);
  if (!copy) too_large();
  return copy;
}

bool NotificationBuilder::set_field(std::string_view text) {
  switch (field_) {
    case kTopic:
      return set_topic(text);
    case kLevel:
      return set_level(text);
    case kTitle:
      return set_text(text, notification_.title);
    case kBody:
      return set_text(text, notification_.body);
    case kKey:
      return set_text(text, notification_.key);
    case kExternalId:
      return set_text(text, notification_.external_id);
    case kIdempotencyKey:
      if (text.empty()) return fault("must not be empty");
      return set_text(text, idempotency_key_);
    case kDeliverAt:
      return set_time(text, notification_.deliver_at);
    case kExpiresAt:
      return set_time(text, notification_.expires_at);
    case kDelay:
      return set_delay(text);
    case kLabels:
    case kTo:
    case kData:
    case kSupersede:
    case kUnknown:
      break;
  }
  TOCSIN_ASSERT(false, "a text for a field that is none");
  return false;
}

bool NotificationBuilder::set_text(std::string_view text, std::string_view& to) {
  const FieldRule& rule = kRules[field_];
  if (text.size() > rule.bytes_max) return fault(at_most(rule.bytes_max, text.size()));
  if (rule.plain && scan::holds_control(text))
    return fault("holds a control character or a line break");
  to = text;
  return true;
}

bool NotificationBuilder::set_topic(std::string_view text) {
  if (text.empty()) return fault("must not be empty");
  if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) {
    return fault("a segment between two dots must not be empty");
  }
  if (text.find('*') != std::string_view::npos) {
    return fault("must not hold *, which stands for other topics in routes");
  }
  return set_text(text, notification_.topic);
}

bool NotificationBuilder::set_level(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "trace", "debug", "info", "notice", "warning", "error", "critical", "emergency"};
  const std::optional<Level> level = parse_level(text);
  if (!level) {
    const auto near = closest(text, kNames);
    return fault(in_quotes(text) + " is no level" +
                 (near ? "; did you mean " + in_quotes(*near) + "?"
                       : ": trace, debug, info, notice, warning, error, critical, emergency"));
  }
  notification_.level = *level;
  level_is_canonical_ = text == level_name(*level);
  return true;
}

bool NotificationBuilder::set_time(std::string_view text, std::optional<WallTime>& to) {
  if (text.size() > kTimeBytesMax) return fault(at_most(kTimeBytesMax, text.size()));
  Result<WallTime> time = parse_time(text);
  if (!time) return fault("is not a time: " + std::move(time.error().what));
  to = *time;
  return true;
}

bool NotificationBuilder::set_delay(std::string_view text) {
  if (text.size() > kTimeBytesMax) return fault(at_most(kTimeBytesMax, text.size()));
  Result<Duration> delay = parse_duration(text);
  if (!delay) return fault("is not a duration: " + std::move(delay.error().what));
  delay_ = *delay;
  return true;
}

bool NotificationBuilder::add_label(std::string_view value) {
  if (value.size() > kLabelValueBytesMax) return fault(at_most(kLabelValueBytesMax, value.size()));
  labels_.back().value = value;
  return true;
}

bool NotificationBuilder::add_recipient(std::string_view text) {
  Result<Recipient> recipient = parse_recipient(text);
  if (!recipient) return fault(recipient.error().what);
  if (!is_normal_address(text)) {
    const auto kept = arena_.copy(normal_address(text));
    if (!kept) return too_large();
    recipient = parse_recipient(*kept);
    recipients_differ_ = true;
  }
  if (recipients_.size() == kRecipientsMax) {
    return fault("/to", "there may be at most " + std::to_string(kRecipientsMax) + " recipients");
  }
  recipients_.push(*recipient);
  return true;
}

// ---- the end

bool NotificationBuilder::settle_times() {
  if (delay_ && notification_.deliver_at) {
    return fault("/delay", "give deliver_at or delay, not both");
  }
  if (delay_) {
    std::int64_t ns = 0;
    if (__builtin_add_overflow(options_.now.time_since_epoch().count(), delay_->count(), &ns)) {
      return fault("/delay", "reaches beyond the year 2261");
    }
    notification_.deliver_at = WallTime(Duration(ns));
  }
  if (!notification_.expires_at || rules_ == Rules::kStored) return true;
  if (*notification_.expires_at <= options_.now) return fault("/expires_at", "is in the past");
  if (notification_.deliver_at && *notification_.expires_at <= *notification_.deliver_at) {
    return fault("/expires_at", "is not after the time of delivery");
  }
  return true;
}

void NotificationBuilder::drop_repeated_recipients() {
  Recipient* kept = recipients_.begin();
  if (recipients_.size() <= kComparedNamesMax) {
    for (const Recipient& next : recipients_) {
      const bool repeats = std::any_of(recipients_.begin(), kept, [&](const Recipient& earlier) {
        return same_recipient(earlier, next);
      });
      if (!repeats) *kept++ = next;
    }
  } else {
    std::vector<Recipient*> sorted;
    sorted.reserve(recipients_.size());
    for (Recipient& recipient : recipients_) sorted.push_back(&recipient);
    std::sort(sorted.begin(), sorted.end(), [](const Recipient* a, const Recipient* b) {
      if (const int order = a->value.compare(b->value); order != 0) return order < 0;
      if (const int order = a->kind.compare(b->kind); order != 0) return order < 0;
      return a < b;
    });
    for (std::size_t i = sorted.size(); i-- > 1;) {
      if (same_recipient(*sorted[i - 1], *sorted[i])) sorted[i]->kind = {};
    }
    kept = std::remove_if(recipients_.begin(), recipients_.end(),
                          [](const Recipient& recipient) { return recipient.kind.empty(); });
  }
  recipients_differ_ |= kept != recipients_.end();
  recipients_.shrink(static_cast<std::size_t>(kept - recipients_.begin()));
}

bool NotificationBuilder::settle_lists() {
  drop_repeated_recipients();
  const auto labels = arena_.make_array<Label>(labels_.size());
  const auto recipients = arena_.make_array<Recipient>(recipients_.size());
  if (!labels || !recipients) return too_large();
  std::copy(labels_.begin(), labels_.end(), labels->begin());
  std::copy(recipients_.begin(), recipients_.end(), recipients->begin());
  notification_.labels = *labels;
  notification_.to = *recipients;
  return true;
}

tl::expected<Decoded, Invalid> NotificationBuilder::finish() {
  if ((seen_ & 1U << kTopic) == 0) {
    fault("/topic", "is required");
    return tl::unexpected(take_fault());
  }
  if (notification_.supersede && notification_.key.empty()) {
    fault("/supersede", "needs a key, which says what it supersedes");
    return tl::unexpected(take_fault());
  }
  if (!settle_times() || !settle_lists()) return tl::unexpected(take_fault());
  Decoded decoded;
  decoded.notification = arena_.make<Notification>(notification_);
  if (decoded.notification == nullptr) {
    too_large();
    return tl::unexpected(take_fault());
  }
  decoded.idempotency_key = idempotency_key_;
  decoded.received = received_;
  const bool others = (seen_ & (1U << kDelay | 1U << kIdempotencyKey)) != 0;
  decoded.received_is_payload = level_is_canonical_ && !others && !recipients_differ_;
  return decoded;
}

// ---- faults

Invalid NotificationBuilder::take_fault() {
  TOCSIN_ASSERT(fault_.has_value(), "no fault to take");
  return std::move(*fault_);
}

std::string NotificationBuilder::pointer() const {
  std::string text;
  for (const Frame& frame : frames_) {
    if (frame.count == 0) continue;  // only just opened
    if (frame.is_object) {
      append_pointer_token(text, frame.name);
    } else {
      text += "/" + std::to_string(frame.count - 1);
    }
  }
  return text;
}

bool NotificationBuilder::fault(std::string pointer, std::string detail) {
  fault_ = Invalid{std::move(pointer), std::move(detail)};
  return false;
}

bool NotificationBuilder::wrong_type(std::string_view got) {
  std::string_view expected = "an object";
  switch (part()) {
    case Part::kRoot:
      return fault("a notification is a JSON object, not " + std::string(got));
    case Part::kField:
      expected = kRules[field_].expected;
      break;
    default:
      expected = "a string";
  }
  std::string detail = "must be " + std::string(expected) + ", not " + std::string(got);
  if (got == "null") detail += "; leave it out when there is none";
  return fault(std::move(detail));
}

bool NotificationBuilder::too_large() { return fault("", "the notification is too large"); }

Result<Recipient> parse_recipient(std::string_view text) {
  if (text.size() > kRecipientBytesMax) {
    return fail(Code::kInvalid, at_most(kRecipientBytesMax, text.size()));
  }
  if (scan::holds_control(text)) {
    return fail(Code::kInvalid, "holds a control character or a line break");
  }
  if (!is_utf8(text)) return fail(Code::kInvalid, "holds bytes that are no UTF-8");
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() ||
      !is_recipient_kind(text.substr(0, colon))) {
    return fail(Code::kInvalid, "write kind:value, as in email:ops@example.com or phone:+15550111");
  }
  return Recipient{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace tocsin::message
