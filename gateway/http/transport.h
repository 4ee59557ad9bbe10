#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/event/tls.h"
#include "gateway/http/address_guard.h"
#include "gateway/http/proxy.h"

namespace tocsin::http {

/// How somebody's requests reach their servers: what is trusted and shown in TLS, through whom, and
/// where to they must not go. Immutable and shared between loops; requests of different transports
/// never share a connection.
struct Transport {
  Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Null: the connector's own, which trusts what the system does.
  std::shared_ptr<const event::TlsContext> tls;
  std::string tls_name;  ///< the server's certificate must be for this host; empty: for the URL's
  std::optional<ForwardProxy> proxy;
  ProxyExceptions proxy_exceptions;
  /// For requests whose address comes from data. Through a proxy it sees hosts that are addresses;
  /// names are resolved there, and the proxy's to judge.
  std::optional<AddressGuard> guard;

  const std::uint64_t id;  ///< different for every transport this process ever makes; never 0

  /// The proxy for requests to this host; null: none.
  const ForwardProxy* proxy_for(std::string_view host) const {
    return proxy && !proxy_exceptions.contains(host) ? &*proxy : nullptr;
  }
};

}  // namespace tocsin::http
