#pragma once

#include <vector>

#include "gateway/message/notification.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// A notification in the contract's form; borrows the notification's texts. Used again and again.
class NotificationView {
 public:
  /// The view lives until the next call or this object's end.
  const tocsin_notification& show(const message::Notification& notification);

 private:
  tocsin_notification view_{};
  std::vector<tocsin_label> labels_;
  std::vector<tocsin_recipient> to_;
};

}  // namespace tocsin::plugin
