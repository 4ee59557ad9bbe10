#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::output_webpush {

/// What a page's service worker gets, unless a template says otherwise; borrows its texts.
struct Payload {
  std::string_view id;
  std::string_view topic;
  std::uint32_t level = 0;
  std::string_view title;
  std::string_view body;
  std::string_view key;
  std::string_view data;  ///< JSON; empty: none
};

struct WrittenPayload {
  std::string refusal;  ///< a sentence; empty: `json` can be sent
  std::string json;
  bool cut = false;  ///< the body did not fit whole
};

/// One JSON object of at most kPlainBytesMax bytes, without the fields that are empty.
WrittenPayload write_payload(const Payload& payload);

/// The Urgency of a level (RFC 8030 5.3): what a device with little power may leave for later.
std::string_view urgency_of(std::uint32_t level);

/// The Topic of a key (RFC 8030 5.4): a message takes the place of one with the same topic that was
/// not yet delivered. Empty for none.
std::string topic_of(std::string_view key);

/// For how many seconds a message is kept for a device that is away: `most`, or until the
/// notification expires. Instants are seconds since 1970; `expires_at` 0: never.
std::int64_t ttl_of(std::int64_t most, std::int64_t expires_at, std::int64_t now);

}  // namespace tocsin::output_webpush
