#pragma once

#include <memory>

#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/connector.h"

namespace tocsin::http {

/// Plain TCP to a resolved name: the first of its addresses that answers (event::TcpRace). Of a
/// guarded transport only those addresses are tried that its guard lets pass.
class TcpConnector final : public Connector {
 public:
  /// Both must outlive the connector.
  TcpConnector(event::Loop& loop, event::Resolver& resolver) : loop_(loop), resolver_(resolver) {}

  Result<void> check(const Endpoint& endpoint) const override;
  [[nodiscard]] std::unique_ptr<Attempt> connect(const Endpoint& endpoint, Duration timeout,
                                                 Done done) override;

 private:
  class TcpAttempt;
  event::Loop& loop_;
  event::Resolver& resolver_;
};

}  // namespace tocsin::http
