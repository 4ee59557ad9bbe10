// Input: a notification as a sender might write it. Whatever decodes must hold the limits of the
// format, mean the same once it is encoded and decoded again, and be readable as stored; whatever
// does not must say where and why, in valid text of bounded length.
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"
#include "gateway/message/notification_codec.h"
#include "tests/unit/message/same_notification.h"

namespace {

using namespace tocsin;
using namespace tocsin::message;

constexpr DecodeOptions kOptions{.now = WallTime(Duration(1'767'225'600'000'000'000))};

void check_fault(const Invalid& fault) {
  TOCSIN_ASSERT(!fault.detail.empty() && fault.detail.size() < 500, "a detail of odd length");
  TOCSIN_ASSERT(is_utf8(fault.detail) && is_utf8(fault.pointer), "a fault that is not UTF-8");
  TOCSIN_ASSERT(fault.pointer.empty() || fault.pointer[0] == '/', "no JSON pointer");
  TOCSIN_ASSERT(fault.pointer.size() < kDepthCeiling * 129, "a pointer of odd length");
}

void check_limits(const Decoded& decoded) {
  const Notification& n = *decoded.notification;
  TOCSIN_ASSERT(!n.topic.empty() && n.topic.size() <= kTopicBytesMax, "the topic");
  TOCSIN_ASSERT(n.title.size() <= kTitleBytesMax && n.key.size() <= kKeyBytesMax, "a text");
  TOCSIN_ASSERT(n.labels.size() <= kLabelsMax && n.to.size() <= kRecipientsMax, "a list");
  for (const std::string_view text : {n.topic, n.title, n.body, n.data, n.key, n.external_id}) {
    TOCSIN_ASSERT(is_utf8(text), "a text that is not UTF-8");
  }
  for (std::size_t i = 0; i < n.labels.size(); ++i) {
    TOCSIN_ASSERT(n.find_label(n.labels[i].name) == &n.labels[i], "a label twice");
  }
  TOCSIN_ASSERT(decoded.received.find_first_of("\r\n\t") == std::string_view::npos, "two lines");
}

std::string encode(const Notification& notification) {
  std::string text;
  JsonWriter writer(text);
  encode_notification(notification, writer);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static BlockPool pool;
  Arena arena(pool, std::size_t{16} << 20);
  const auto first = decode_notification(input, arena, kOptions);
  if (!first) {
    check_fault(first.error());
    return 0;
  }
  check_limits(*first);
  const std::string text = encode(*first->notification);
  const auto second = decode_notification(text, arena, kOptions);
  TOCSIN_ASSERT(second.has_value(), "the canonical form does not decode");
  TOCSIN_ASSERT(same_notification(*first->notification, *second->notification), "a change");
  TOCSIN_ASSERT(second->received_is_payload && encode(*second->notification) == text,
                "the canonical form is not stable");
  const auto stored = decode_stored(first->received, arena);
  TOCSIN_ASSERT(stored.has_value(), "what was received does not decode as stored");
  if (first->received_is_payload) {
    TOCSIN_ASSERT(same_notification(*first->notification, *stored->notification), "a change");
  }
  return 0;
}
