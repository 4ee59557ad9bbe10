// A traceparent of version 00, by offset:
//
//   0         3                                 36                53
//   version - trace id, 32 digits             - span id, 16     - flags
//   00      - 0af7651916cd43dd8448eb211c80319c - b7ad6b7169203331 - 01
#include "gateway/telemetry/trace_context.h"

namespace tocsin::telemetry {
namespace {

constexpr unsigned kSampledFlag = 0x01;
constexpr unsigned kRandomFlag = 0x02;

}  // namespace

TraceContext TraceContext::start(IdSource& ids, bool sampled) {
  return {ids.trace_id(), ids.span_id(), sampled, true};
}

TraceContext TraceContext::child(IdSource& ids) const {
  TraceContext child = *this;
  child.span_id = ids.span_id();
  return child;
}

std::optional<TraceContext> parse_traceparent(std::string_view value) {
  if (value.size() < kTraceparentBytes) return std::nullopt;
  const auto version = parse_hex8(value.substr(0, 2));
  if (!version || *version == 0xFF) return std::nullopt;
  if (value.size() > kTraceparentBytes && (*version == 0 || value[kTraceparentBytes] != '-')) {
    return std::nullopt;
  }
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return std::nullopt;
  const auto high = parse_hex64(value.substr(3, 16));
  const auto low = parse_hex64(value.substr(19, 16));
  const auto span = parse_hex64(value.substr(36, 16));
  const auto flags = parse_hex8(value.substr(53, 2));
  if (!high || !low || !span || !flags) return std::nullopt;

  const TraceContext context{
      {*high, *low}, {*span}, (*flags & kSampledFlag) != 0, (*flags & kRandomFlag) != 0};
  if (!context.trace_id.valid() || !context.span_id.valid()) return std::nullopt;
  return context;
}

std::array<char, kTraceparentBytes> format_traceparent(const TraceContext& context) {
  std::array<char, kTraceparentBytes> text;
  text.fill('-');
  text[0] = '0';
  text[1] = '0';
  write_hex64(context.trace_id.high, &text[3]);
  write_hex64(context.trace_id.low, &text[19]);
  write_hex64(context.span_id.bits, &text[36]);
  const unsigned flags =
      (context.sampled ? kSampledFlag : 0U) | (context.random ? kRandomFlag : 0U);
  text[53] = '0';
  text[54] = static_cast<char>('0' + flags);
  return text;
}

}  // namespace tocsin::telemetry
