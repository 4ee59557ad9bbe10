#pragma once

#include <memory>

#include "gateway/event/loop.h"
#include "gateway/event/tls.h"
#include "gateway/http/connector.h"

namespace tocsin::http {

/// Carries out what a request's Transport says on top of another connector: through a proxy's
/// tunnel, then TLS for https. Resumes TLS sessions. One per loop.
class TransportConnector final : public Connector {
 public:
  /// `below` connects plainly and must outlive this; `system` is for transports without TLS
  /// settings of their own.
  TransportConnector(event::Loop& loop, Connector& below,
                     std::shared_ptr<const event::TlsContext> system);

  Result<void> check(const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<Attempt> connect(const Endpoint& endpoint, Duration timeout,
                                                 Done done) override;

 private:
  class Staged;
  event::Loop& loop_;
  Connector& below_;
  const std::shared_ptr<const event::TlsContext> system_;
  const std::shared_ptr<event::TlsSessions> sessions_ = std::make_shared<event::TlsSessions>();
};

}  // namespace tocsin::http
