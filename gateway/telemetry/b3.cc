#include "gateway/telemetry/b3.h"

namespace tocsin::telemetry {
namespace {

std::optional<TraceId> parse_trace_id(std::string_view digits) {
  TraceId id;
  if (digits.size() == 32) {
    const auto high = parse_hex64(digits.substr(0, 16));
    if (!high) return std::nullopt;
    id.high = *high;
    digits.remove_prefix(16);
  }
  const auto low = parse_hex64(digits);
  if (!low) return std::nullopt;
  id.low = *low;
  if (!id.valid()) return std::nullopt;
  return id;
}

std::optional<SpanId> parse_span_id(std::string_view digits) {
  const auto bits = parse_hex64(digits);
  if (!bits || *bits == 0) return std::nullopt;
  return SpanId{*bits};
}

std::optional<B3Sampling> parse_sampling(std::string_view text) {
  if (text == "1") return B3Sampling::kAccept;
  if (text == "0") return B3Sampling::kDeny;
  if (text == "d") return B3Sampling::kDebug;
  return std::nullopt;
}

std::optional<B3Sampling> parse_multi_sampling(const B3Headers& headers) {
  if (headers.flags == "1") return B3Sampling::kDebug;
  if (!headers.flags.empty() && headers.flags != "0") return std::nullopt;
  if (headers.sampled.empty()) return B3Sampling::kDefer;
  if (headers.sampled == "1" || headers.sampled == "true") return B3Sampling::kAccept;
  if (headers.sampled == "0" || headers.sampled == "false") return B3Sampling::kDeny;
  return std::nullopt;
}

// Cuts the text up to the next dash off `rest`, and the dash. Nothing is left after the last part.
std::string_view take_part(std::string_view& rest) {
  const std::size_t dash = rest.find('-');
  const std::string_view part = rest.substr(0, dash);
  rest.remove_prefix(dash == std::string_view::npos ? rest.size() : dash + 1);
  return part;
}

}  // namespace

TraceContext B3Context::context(bool sampled_when_deferred) const {
  const bool sampled =
      sampling == B3Sampling::kDefer ? sampled_when_deferred : sampling != B3Sampling::kDeny;
  return {trace_id, span_id, sampled, false};
}

std::optional<B3Context> parse_b3_single(std::string_view value) {
  // A dash at the end would otherwise look like a part that is absent.
  if (value.empty() || value.back() == '-') return std::nullopt;
  if (const auto sampling = parse_sampling(value)) return B3Context{{}, {}, *sampling};

  const auto trace_id = parse_trace_id(take_part(value));
  const auto span_id = parse_span_id(take_part(value));
  if (!trace_id || !span_id) return std::nullopt;
  B3Context context{*trace_id, *span_id, B3Sampling::kDefer};
  if (value.empty()) return context;

  const auto sampling = parse_sampling(take_part(value));
  if (!sampling) return std::nullopt;
  context.sampling = *sampling;
  if (!value.empty() && !parse_span_id(value)) return std::nullopt;
  return context;
}

std::optional<B3Context> parse_b3_multi(const B3Headers& headers) {
  const auto sampling = parse_multi_sampling(headers);
  if (!sampling) return std::nullopt;
  if (headers.trace_id.empty() && headers.span_id.empty()) {
    if (*sampling == B3Sampling::kDefer) return std::nullopt;
    return B3Context{{}, {}, *sampling};
  }
  const auto trace_id = parse_trace_id(headers.trace_id);
  const auto span_id = parse_span_id(headers.span_id);
  if (!trace_id || !span_id) return std::nullopt;
  return B3Context{*trace_id, *span_id, *sampling};
}

}  // namespace tocsin::telemetry
