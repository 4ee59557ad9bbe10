// A response must read the same however the network cuts it: the input's first two bytes say how it
// is cut and whether it answers HEAD, the rest is what a server sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/http/response_parser.h"

namespace tocsin::http {
namespace {

class Recorder final : public ResponseParser::Events {
 public:
  void on_informational(const ResponseHead& head) override { record(head, 'i'); }
  void on_head(ResponseHead& head, bool end) override { record(head, end ? 'e' : 'h'); }
  void on_body(std::string_view bytes) override { body += bytes; }
  void on_complete() override { heads += 'c'; }

  void record(const ResponseHead& head, char kind) {
    heads += kind;
    heads += std::to_string(head.status);
    for (const Header& field : head.headers.all()) {
      TOCSIN_ASSERT(is_token(field.name) && is_field_value(field.value),
                    "a bad field came through");
      heads.append(field.name).append(1, '\0').append(field.value).append(1, '\n');
    }
  }

  std::string heads;
  std::string body;
};

struct Outcome {
  std::string heads, body;
  std::size_t used = 0;
  bool complete = false, keep_alive = false, upgraded = false;
  ResponseFault::Kind fault = ResponseFault::Kind::kNone;
  bool operator==(const Outcome&) const = default;
};

// `step` 0 feeds all at once; else it seeds the sizes of the pieces.
Outcome read(std::string_view wire, bool to_head, std::uint32_t step) {
  static BlockPool pool;
  const ResponseLimits limits{.head_bytes_max = 2048,
                              .header_count_max = 16,
                              .informational_max = 3,
                              .body_bytes_max = 4096};
  Arena arena(pool, 64 * 1024);
  Recorder recorder;
  ResponseParser parser(limits, recorder);
  ResponseHead head;
  parser.begin(to_head, head, arena);
  Outcome outcome;
  while (outcome.used < wire.size() && !parser.complete() && !parser.fault()) {
    std::size_t size = wire.size() - outcome.used;
    if (step != 0) {
      step = step * 1664525U + 1013904223U;
      size = std::min<std::size_t>(size, 1 + (step >> 24) % 16);
    }
    const std::vector<char> piece(wire.begin() + static_cast<std::ptrdiff_t>(outcome.used),
                                  wire.begin() + static_cast<std::ptrdiff_t>(outcome.used + size));
    const std::size_t used = parser.feed({piece.data(), piece.size()});
    TOCSIN_ASSERT(used <= size, "more was used than was given");
    TOCSIN_ASSERT(used == size || parser.complete() || parser.fault(),
                  "bytes were left without a reason");
    outcome.used += used;
  }
  if (!parser.fault()) parser.finish();
  outcome.heads = std::move(recorder.heads);
  outcome.body = std::move(recorder.body);
  outcome.complete = parser.complete();
  outcome.fault = parser.fault().kind;
  TOCSIN_ASSERT(outcome.complete != static_cast<bool>(parser.fault()),
                "an end is either good or bad");
  if (!outcome.complete) {
    // How far a refused message was read is nobody's business; what was refused for must agree.
    outcome.used = 0;
    return outcome;
  }
  outcome.keep_alive = parser.keep_alive();
  outcome.upgraded = parser.upgraded();
  return outcome;
}

}  // namespace
}  // namespace tocsin::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool to_head = (data[0] & 1U) != 0;
  const std::uint32_t step = 1U + data[1] + 256U * data[0];
  const std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  using tocsin::http::read;
  TOCSIN_ASSERT(read(wire, to_head, 0) == read(wire, to_head, step),
                "the cut changed what was read");
  return 0;
}
