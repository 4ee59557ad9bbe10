#pragma once

#include <memory>

#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/connector.h"

namespace tocsin::http {

/// Plain TCP to a resolved name. The addresses are tried in the resolver's order, one after
/// another, each with an equal share of the time that is left, so that a silent first one leaves
/// time for the second.
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
