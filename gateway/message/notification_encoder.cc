#include <algorithm>
#include <array>

#include "gateway/message/notification_codec.h"
#include "gateway/message/time_text.h"

namespace tocsin::message {

namespace {

void write_text(std::string_view name, std::string_view text, JsonWriter& out) {
  if (!text.empty()) out.pair(name, text);
}

void write_time(std::string_view name, const std::optional<WallTime>& time, JsonWriter& out) {
  if (!time) return;
  TimeBuffer buffer;
  out.pair(name, format_time(*time, buffer));
}

void write_labels(std::span<const Label> labels, JsonWriter& out) {
  if (labels.empty()) return;
  out.key("labels");
  out.begin_object();
  for (const Label& label : labels) out.pair(label.name, label.value);
  out.end_object();
}

void write_recipients(std::span<const Recipient> recipients, JsonWriter& out) {
  if (recipients.empty()) return;
  out.key("to");
  out.begin_array();
  std::array<char, kRecipientBytesMax> buffer;
  for (const Recipient& recipient : recipients) {
    const std::size_t size = recipient.kind.size() + 1 + recipient.value.size();
    TOCSIN_ASSERT(size <= buffer.size(), "a recipient beyond its limit");
    char* at = std::copy(recipient.kind.begin(), recipient.kind.end(), buffer.begin());
    *at++ = ':';
    std::copy(recipient.value.begin(), recipient.value.end(), at);
    out.text({buffer.data(), size});
  }
  out.end_array();
}

}  // namespace

void encode_notification(const Notification& notification, JsonWriter& out) {
  out.begin_object();
  out.pair("topic", notification.topic);
  out.pair("level", level_name(notification.level));
  write_text("title", notification.title, out);
  write_text("body", notification.body, out);
  write_labels(notification.labels, out);
  if (!notification.data.empty()) {
    out.key("data");
    out.json(notification.data);
  }
  write_text("key", notification.key, out);
  write_text("external_id", notification.external_id, out);
  write_recipients(notification.to, out);
  write_time("deliver_at", notification.deliver_at, out);
  write_time("expires_at", notification.expires_at, out);
  if (notification.supersede) {
    out.key("supersede");
    out.boolean(true);
  }
  out.end_object();
}

}  // namespace tocsin::message
