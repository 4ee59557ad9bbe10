#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/base/arena.h"
#include "gateway/base/json_writer.h"
#include "gateway/message/notification.h"

// The one codec of the wire format:
//
//   {"topic", "level", "title", "body", "labels": {}, "data": any, "key", "external_id",
//    "to": ["kind:value"], "deliver_at" | "delay", "expires_at"}
//
// `topic` is required; `level` is "info" unless given. Times are RFC 3339 with a zone; `delay` is a
// duration as in the configuration ("5m") and becomes deliver_at. Strict (RFC 8259): UTF-8 without
// surrogates, no duplicate or unknown names, nothing behind the value.

namespace tocsin::message {

/// What is wrong with an item and where: an RFC 6901 pointer ("/labels/team"; "" is the whole) and
/// a sentence for its sender. Both are text of our own, never bytes of the input beyond a quoted
/// name cut to 64 bytes.
struct Invalid {
  std::string pointer;
  std::string detail;
};

struct DecodeOptions {
  std::size_t depth_max = 32;  ///< of arrays and objects, also inside data
  WallTime now{};              ///< what `delay` counts from
};

/// Decodes one object into `arena`, `idempotency_key` (an item's own key, for batches) apart. The
/// views of the result point into the arena, never into `json`. On failure the arena may have
/// grown.
struct Decoded {
  Notification* notification = nullptr;
  std::string_view idempotency_key;
};
tl::expected<Decoded, Invalid> decode_notification(std::string_view json, Arena& arena,
                                                   const DecodeOptions& options);

/// Writes the canonical form: names in the order above, absent ones left out, deliver_at instead of
/// delay. decode(encode(n)) equals n.
void encode_notification(const Notification& notification, JsonWriter& out);

}  // namespace tocsin::message
