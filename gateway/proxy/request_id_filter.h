#pragma once

#include <string>

#include "gateway/http/filter.h"
#include "gateway/proxy/route_table.h"

namespace tocsin::proxy {

/// Gives every request an id: the client's when it is well-formed and trusted, else a new one. It
/// goes to the handler and back to the client in `header`, and to logs. Refused requests get a new
/// one.
class RequestIdFilterFactory final : public http::HttpFilterFactory, public RefusalHook {
 public:
  struct Options {
    std::string header = "X-Request-Id";
    bool trust_incoming = true;
  };
  explicit RequestIdFilterFactory(Options options) : options_(std::move(options)) {}
  http::HttpFilter* create(Arena& arena) override;
  void refusing(http::Exchange& exchange, http::ResponseHead& head) override;

  /// Longer ids of clients are replaced.
  static constexpr std::size_t kIdBytesMax = 128;

 private:
  const Options options_;
};

}  // namespace tocsin::proxy
