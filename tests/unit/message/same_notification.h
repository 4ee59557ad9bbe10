#pragma once

#include <algorithm>

#include "gateway/message/notification.h"

namespace tocsin::message {

inline bool same_notification(const Notification& a, const Notification& b) {
  const auto same_label = [](const Label& x, const Label& y) {
    return x.name == y.name && x.value == y.value;
  };
  const auto same_recipient = [](const Recipient& x, const Recipient& y) {
    return x.kind == y.kind && x.value == y.value;
  };
  return a.topic == b.topic && a.level == b.level && a.title == b.title && a.body == b.body &&
         std::equal(a.labels.begin(), a.labels.end(), b.labels.begin(), b.labels.end(),
                    same_label) &&
         a.data == b.data && a.key == b.key && a.external_id == b.external_id &&
         std::equal(a.to.begin(), a.to.end(), b.to.begin(), b.to.end(), same_recipient) &&
         a.deliver_at == b.deliver_at && a.expires_at == b.expires_at && a.supersede == b.supersede;
}

}  // namespace tocsin::message
