#include "gateway/plugin/notification_view.h"

#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

std::int64_t ns_or_zero(const std::optional<WallTime>& when) {
  return when ? when->time_since_epoch().count() : 0;
}

}  // namespace

const tocsin_notification& NotificationView::show(const message::Notification& notification) {
  labels_.clear();
  for (const message::Label& label : notification.labels) {
    labels_.push_back({str_of(label.name), str_of(label.value)});
  }
  to_.clear();
  for (const message::Recipient& recipient : notification.to) {
    to_.push_back({str_of(recipient.kind), str_of(recipient.value)});
  }
  view_.size = sizeof(view_);
  view_.level = static_cast<std::uint32_t>(notification.level);
  view_.topic = str_of(notification.topic);
  view_.title = str_of(notification.title);
  view_.body = str_of(notification.body);
  view_.data = str_of(notification.data);
  view_.key = str_of(notification.key);
  view_.external_id = str_of(notification.external_id);
  view_.labels = labels_.data();
  view_.label_count = static_cast<std::uint32_t>(labels_.size());
  view_.label_stride = sizeof(tocsin_label);
  view_.to = to_.data();
  view_.to_count = static_cast<std::uint32_t>(to_.size());
  view_.to_stride = sizeof(tocsin_recipient);
  view_.deliver_at_ns = ns_or_zero(notification.deliver_at);
  view_.expires_at_ns = ns_or_zero(notification.expires_at);
  return view_;
}

}  // namespace tocsin::plugin
