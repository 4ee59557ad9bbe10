#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/stream.h"

namespace tocsin::http {

struct Transport;

/// Whom to connect to, and how. Views, borrowed for the call they are passed to.
struct Endpoint {
  std::string_view scheme;  ///< "http" or "https"
  std::string_view host;    ///< a name or an address without brackets
  std::uint16_t port = 0;
  const Transport* transport = nullptr;  ///< must outlive the attempt; null: nothing special
};

/// Opens streams to servers. The client knows nothing below it, so that TLS takes TCP's place
/// without a change to HTTP. One per loop; must outlive every attempt.
class Connector {
 public:
  /// A connection being made; destroying it gives up without a call.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  using Done = Function<void(Result<std::unique_ptr<event::Stream>>)>;

  virtual ~Connector() = default;

  /// Says without trying whether such an endpoint can be served at all: kInvalid with a sentence.
  virtual Result<void> check(const Endpoint& endpoint) const = 0;

  /// Calls `done` once, never inside this call, with a stream whose events are not yet set, or with
  /// the last failure. `timeout` covers everything: name, connection, handshake. `done` may destroy
  /// the attempt.
  [[nodiscard]] virtual std::unique_ptr<Attempt> connect(const Endpoint& endpoint, Duration timeout,
                                                         Done done) = 0;
};

}  // namespace tocsin::http
