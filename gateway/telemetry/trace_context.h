#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/telemetry/ids.h"

namespace tocsin::telemetry {

/// Where in a trace we are, as W3C Trace Context carries it
/// (https://www.w3.org/TR/trace-context-2/).
struct TraceContext {
  TraceId trace_id;
  SpanId span_id;  ///< of the caller when parsed, ours when made
  bool sampled = false;
  bool random = false;  ///< the trace id's right-most 7 bytes are random (level 2)

  /// A new trace, whose first span is ours.
  static TraceContext start(IdSource& ids, bool sampled);
  /// The same trace with a span of our own, to be sent onwards.
  TraceContext child(IdSource& ids) const;

  bool operator==(const TraceContext&) const = default;
};

inline constexpr std::size_t kTraceparentBytes = 55;

/// Reads a traceparent header value without surrounding blanks. Nothing when it is malformed: wrong
/// lengths, upper-case digits, version ff, an id of zeros, version 00 with anything after the
/// flags. Later versions are read by what version 00 defines, and may be longer if a dash follows.
std::optional<TraceContext> parse_traceparent(std::string_view value);

/// Version 00; flags we do not know are not passed on.
std::array<char, kTraceparentBytes> format_traceparent(const TraceContext& context);

}  // namespace tocsin::telemetry
