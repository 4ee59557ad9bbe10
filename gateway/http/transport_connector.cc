#include "gateway/http/transport_connector.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "gateway/http/proxy_tunnel.h"
#include "gateway/http/transport.h"

namespace tocsin::http {

namespace {

bool is_https(const Endpoint& endpoint) { return endpoint.scheme == "https"; }

std::string authority_of(std::string_view host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  std::string text(v6 ? "[" : "");
  text.append(host).append(v6 ? "]:" : ":").append(std::to_string(port));
  return text;
}

}  // namespace

/// plain connection -> tunnel, where there is a proxy -> TLS, where the scheme is https
class TransportConnector::Staged final : public Connector::Attempt {
 public:
  Staged(TransportConnector& owner, const Endpoint& endpoint, Duration timeout, Done done)
      : owner_(owner),
        https_(is_https(endpoint)),
        host_(endpoint.host),
        port_(endpoint.port),
        transport_(endpoint.transport),
        proxy_(transport_ == nullptr ? nullptr : transport_->proxy_for(endpoint.host)),
        deadline_(owner.loop_.now() + timeout),
        done_(std::move(done)) {
    // The proxy is the operator's: no guard for it.
    const Endpoint first =
        proxy_ == nullptr ? endpoint : Endpoint{"http", proxy_->host, proxy_->port, nullptr};
    connecting_ = owner.below_.connect(
        first, timeout, [this](StreamResult stream) { on_connected(std::move(stream)); });
  }

 private:
  using StreamResult = Result<std::unique_ptr<event::Stream>>;

  Duration left() const {
    return std::max<Duration>(deadline_ - owner_.loop_.now(), Duration::zero());
  }

  void on_connected(StreamResult stream) {
    if (!stream || proxy_ == nullptr) return on_open(std::move(stream));
    tunnel_.emplace(std::move(*stream), *proxy_, authority_of(host_, port_), left(),
                    [this](StreamResult opened) { on_open(std::move(opened)); });
  }

  // What is spoken goes to the server from here on.
  void on_open(StreamResult stream) {
    if (!stream || !https_) return finish(std::move(stream));
    const bool own = transport_ != nullptr && transport_->tls != nullptr;
    const bool renamed = transport_ != nullptr && !transport_->tls_name.empty();
    handshake_.emplace(std::move(*stream), own ? *transport_->tls : *owner_.system_,
                       event::TlsPeer{renamed ? transport_->tls_name : host_, owner_.sessions_},
                       left(), [this](StreamResult secured) { finish(std::move(secured)); });
  }

  void finish(StreamResult outcome) {
    Done done = std::move(done_);  // the callback may destroy this attempt
    done(std::move(outcome));
  }

  TransportConnector& owner_;
  const bool https_;
  const std::string host_;
  const std::uint16_t port_;
  const Transport* const transport_;
  const ForwardProxy* const proxy_;
  const MonoTime deadline_;
  Done done_;
  std::unique_ptr<Connector::Attempt> connecting_;
  std::optional<ProxyTunnel> tunnel_;
  std::optional<event::TlsHandshake> handshake_;
};

TransportConnector::TransportConnector(event::Loop& loop, Connector& below,
                                       std::shared_ptr<const event::TlsContext> system)
    : loop_(loop), below_(below), system_(std::move(system)) {}

Result<void> TransportConnector::check(const Endpoint& endpoint) const {
  if (endpoint.scheme != "http" && !is_https(endpoint)) {
    return fail(Code::kInvalid, "only http and https can be spoken here");
  }
  if (endpoint.transport == nullptr || !endpoint.transport->guard) return {};
  // Hosts that are addresses need no resolving, and through a proxy nobody else would look.
  const auto literal = event::Address::from_ip(endpoint.host, endpoint.port);
  if (!literal) return {};
  const std::string_view what = endpoint.transport->guard->refusal(*literal);
  if (what.empty()) return {};
  return fail(Code::kInvalid, "the request leads to " + std::string(what) +
                                  ", which is not allowed for addresses from data");
}

std::unique_ptr<Connector::Attempt> TransportConnector::connect(const Endpoint& endpoint,
                                                                Duration timeout, Done done) {
  return std::make_unique<Staged>(*this, endpoint, timeout, std::move(done));
}

}  // namespace tocsin::http
