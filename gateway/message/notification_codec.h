#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/base/arena.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/result.h"
#include "gateway/message/notification.h"

// The one codec of the wire format:
//
//   {"topic", "level", "title", "body", "labels": {}, "data": any, "key", "external_id",
//    "to": ["kind:value"], "deliver_at" | "delay", "expires_at", "supersede": bool}
//
// `topic` is required, its segments are not empty and hold no `*`; `level` is "info" unless given,
// and knows the aliases of parse_level. Times are RFC 3339 with a zone; `delay` is a duration as in
// the configuration ("5m") and becomes deliver_at; expires_at lies after now and after deliver_at;
// `supersede` needs a key.
// An empty text is an absent one. A recipient named twice counts once. What stands in headers and
// indexes (all texts but body, label values and data) holds no control characters; nothing but
// data holds U+0000.
//
// Strict (RFC 8259): UTF-8 without surrogates, no duplicate names at any level, no unknown names,
// no number beyond a double, nothing behind the value.

namespace tocsin::message {

/// What is wrong with an item and where: an RFC 6901 pointer ("/labels/team"; "" is the whole) and
/// a sentence for its sender, without a full stop. Names of the input stand in both, cut to 64
/// bytes each. A fault of syntax says the byte, counted from 0; its pointer is the value that had
/// begun there.
struct Invalid {
  std::string pointer;
  std::string detail;
};

/// Arrays and objects inside one another that any options may allow.
inline constexpr std::size_t kDepthCeiling = 128;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;

struct DecodeOptions {
  std::size_t depth_max = 32;  ///< of arrays and objects, also inside data; at most kDepthCeiling
  WallTime now{};              ///< what `delay` counts from
};

struct Decoded {
  Notification* notification = nullptr;
  std::string_view idempotency_key;  ///< the item's own, for batches; empty: none

  /// The text that was decoded, on one line: line breaks and tabs between its tokens are spaces.
  std::string_view received;
  /// It may stand as the payload: it gives its level by level_name and holds neither `delay`, nor
  /// `idempotency_key`, nor a recipient twice.
  bool received_is_payload = false;
};

/// Decodes one object into `arena`. All views of the result point into the arena, never into
/// `json`. On failure the arena may have grown.
tl::expected<Decoded, Invalid> decode_notification(std::string_view json, Arena& arena,
                                                   const DecodeOptions& options);

/// Decodes what was stored, by this release or another one: names it does not know are skipped, and
/// times may have passed.
tl::expected<Decoded, Invalid> decode_stored(std::string_view payload, Arena& arena);

/// Writes the canonical form: names in the order above, absent ones left out but `level`,
/// deliver_at instead of delay, on one line. decode(encode(n)) equals n,
/// which must be within the limits of notification.h.
void encode_notification(const Notification& notification, JsonWriter& out);

/// Reads "kind:value", into views of `text`, as it is written (see address.h). Errors are kInvalid
/// and say to people what is wrong.
Result<Recipient> parse_recipient(std::string_view text);

}  // namespace tocsin::message
