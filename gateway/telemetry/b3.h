#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/telemetry/trace_context.h"

namespace tocsin::telemetry {

/// What a B3 caller decided about sampling (https://github.com/openzipkin/b3-propagation).
enum class B3Sampling : std::uint8_t { kDefer, kDeny, kAccept, kDebug };

/// A B3 caller may send a decision without ids.
struct B3Context {
  TraceId trace_id;
  SpanId span_id;
  B3Sampling sampling = B3Sampling::kDefer;

  bool has_ids() const { return trace_id.valid(); }
  /// The same in our terms; needs has_ids(). Who deferred leaves the decision to us.
  TraceContext context(bool sampled_when_deferred) const;
};

/// The values of the separate X-B3-* headers; empty when absent.
struct B3Headers {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view sampled;  ///< "1", "0", and the older "true", "false"
  std::string_view flags;    ///< "1" means debug
};

/// The single `b3` header: `trace-span[-sampling[-parent]]`, or only a sampling state `0`, `1`,
/// `d`. Trace ids of 64 bits are widened with zeros. Nothing when malformed.
std::optional<B3Context> parse_b3_single(std::string_view value);

/// Nothing when malformed, when only one of the ids is there, or when all are absent.
std::optional<B3Context> parse_b3_multi(const B3Headers& headers);

}  // namespace tocsin::telemetry
