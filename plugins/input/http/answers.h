#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tocsin/plugin.hpp"

// What callers read: results of sending, states of notifications, and problem documents (RFC 9457).

namespace tocsin::input_http {

/// A whole answer. Borrows its texts from the Answers that wrote it, until they write the next.
struct Answer {
  std::uint32_t status = 200;
  std::string_view body;
  bool problem = false;
  std::int64_t retry_after_s = 0;  ///< 0: no Retry-After
  std::string_view allow;          ///< for 405
  bool challenge = false;          ///< WWW-Authenticate: Bearer
  bool replayed = false;           ///< Idempotent-Replayed: true
  std::string_view location;
};

/// Writes one answer after the other into one buffer. One thread.
class Answers {
 public:
  Answer problem(std::uint32_t status, std::string_view detail);
  Answer problem(std::uint32_t status, std::string_view detail, std::string_view pointer);
  /// 503 with the seconds after which another try is worth it.
  Answer busy(std::string_view detail, std::int64_t retry_after_s);

  /// To one notification. `collection`: the path that its id is below, "/v1/notifications/".
  Answer to_one(const sdk::EmitOutcome& outcome, std::string_view collection);
  /// To a batch: 202 with {"results": [...]}, or 503 when nothing of it could be kept.
  Answer to_batch(const sdk::Items<tocsin_emit_outcome>& outcomes);
  /// The state of a notification with its deliveries.
  Answer to_get(const sdk::LedgerAnswer& found);
  /// {cancelled, in_flight, done}: 200, or 409 when all was settled before.
  Answer to_cancel(const sdk::LedgerAnswer& found);
  /// {rescheduled, in_flight, done}: 200; 409 when nothing of it waits, 422 when it expires before.
  Answer to_reschedule(const sdk::LedgerAnswer& found);

 private:
  using Buffer = rapidjson::StringBuffer;
  using Writer = rapidjson::Writer<Buffer>;

  static constexpr std::size_t kBufferKeptBytes = 64 * 1024;

  Writer& begin();
  std::string_view written() const { return {buffer_.GetString(), buffer_.GetSize()}; }
  /// {<what>: count, in_flight, done}
  Answer counted(std::string_view what, std::uint32_t count, const sdk::LedgerAnswer& found);
  Answer write_problem(std::uint32_t status, std::string_view detail,
                       const std::string_view* pointer);

  Buffer buffer_;
  Writer writer_{buffer_};
  std::string location_;
};

}  // namespace tocsin::input_http
