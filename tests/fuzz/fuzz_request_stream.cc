// Any bytes as a stream of requests: nothing breaks, and the events do not depend on how the
// network cuts the bytes or on a server that stops after every event.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "tests/unit/http/request_recorder.h"

namespace {

using tocsin::http::RequestRecorder;

// Small limits, so that the fuzzer reaches them.
tocsin::http::RequestLimits small_limits() {
  tocsin::http::RequestLimits limits;
  limits.target_bytes_max = 64;
  limits.head_bytes_max = 512;
  limits.header_count_max = 8;
  limits.body_bytes_max = 64;
  return limits;
}

std::string read_whole(std::string_view bytes) {
  RequestRecorder recorder(small_limits());
  recorder.feed(bytes);
  return recorder.transcript();
}

std::string read_stopping(std::string_view bytes) {
  RequestRecorder recorder(small_limits());
  recorder.stop_always();
  recorder.feed(bytes);
  return recorder.transcript();
}

// Piece lengths come from a little generator seeded by the input.
std::string read_cut(std::string_view bytes, std::uint32_t seed) {
  RequestRecorder recorder(small_limits());
  while (!bytes.empty()) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + (seed >> 24) % 16);
    recorder.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  return recorder.transcript();
}

std::string read_bytewise(std::string_view bytes) {
  RequestRecorder recorder(small_limits());
  for (std::size_t i = 0; i < bytes.size(); ++i) recorder.feed(bytes.substr(i, 1));
  return recorder.transcript();
}

void must_agree(const std::string& whole, const std::string& other, const char* how) {
  if (whole == other) return;
  std::cerr << "read whole:\n" << whole << "\nread " << how << ":\n" << other << "\n";
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::uint32_t seed = static_cast<std::uint32_t>(size);
  for (const char c : bytes) seed = seed * 31U + static_cast<unsigned char>(c);
  const std::string whole = read_whole(bytes);
  must_agree(whole, read_stopping(bytes), "with stops");
  must_agree(whole, read_cut(bytes, seed), "in pieces");
  must_agree(whole, read_bytewise(bytes), "byte by byte");
  return 0;
}
