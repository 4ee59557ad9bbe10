#include "gateway/http/transport.h"

#include <atomic>

namespace tocsin::http {

namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Transport::Transport() : id(next_id()) {}

}  // namespace tocsin::http
