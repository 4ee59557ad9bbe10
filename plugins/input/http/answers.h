#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tocsin/plugin.h"

// What callers read: results of sending, states of notifications, and problem documents (RFC 9457).

namespace tocsin::input_http {

/// A whole answer. Texts are static or in `body`.
struct Answer {
  int status = 200;
  std::string body;
  bool problem = false;
  std::int64_t retry_after_s = 0;  ///< 0: no Retry-After
  std::string_view allow;          ///< for 405
  bool challenge = false;          ///< WWW-Authenticate: Bearer
  bool replayed = false;           ///< Idempotent-Replayed: true
  std::string location;
};

/// A problem document. `pointer` names the place in the request's body; null: no place.
Answer problem(int status, std::string_view detail, const std::string_view* pointer = nullptr);

/// The answer to one notification.
Answer answer_to_one(const tocsin_emit_outcome& outcome);

/// The answer to a batch: 202 with {"results": [...]}, or 503 when nothing of it could be kept.
Answer answer_to_batch(const tocsin_emit_outcome* outcomes, std::uint32_t count,
                       std::uint32_t stride);

/// The state of a notification with its deliveries.
Answer answer_to_get(const tocsin_ledger_answer& answer);

/// {cancelled, in_flight, done}: 200, or 409 when all was settled before.
Answer answer_to_cancel(const tocsin_ledger_answer& answer);

}  // namespace tocsin::input_http
