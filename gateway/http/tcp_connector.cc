#include "gateway/http/tcp_connector.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/event/tcp.h"
#include "gateway/event/timer_wheel.h"

namespace tocsin::http {

class TcpConnector::TcpAttempt final : public Connector::Attempt {
 public:
  TcpAttempt(TcpConnector& connector, const Endpoint& endpoint, Duration timeout, Done done)
      : loop_(connector.loop_),
        port_(endpoint.port),
        deadline_(loop_.now() + timeout),
        done_(std::move(done)),
        limit_(loop_.timers(),
               [this] { finish(fail(Code::kTimeout, "the name was not resolved in time")); }) {
    limit_.arm_at(deadline_);
    query_ = connector.resolver_.resolve(
        endpoint.host, [this](const Result<event::Resolved>& found) { on_resolved(found); });
  }

 private:
  void on_resolved(const Result<event::Resolved>& found) {
    limit_.cancel();  // from here on each connection attempt has its own limit
    if (!found) {
      finish(tl::unexpected(found.error()));
      return;
    }
    addresses_ = found->addresses;
    try_next();
  }

  void try_next() {
    event::Address address = addresses_[tried_++];
    address.set_port(port_);
    const auto left = std::max<Duration>(deadline_ - loop_.now(), Duration::zero());
    const auto share = left / static_cast<Duration::rep>(addresses_.size() - tried_ + 1);
    connecting_.emplace(loop_, address, share,
                        [this](Result<std::unique_ptr<event::Stream>> stream) {
                          if (!stream && tried_ < addresses_.size() && loop_.now() < deadline_) {
                            try_next();
                          } else {
                            finish(std::move(stream));
                          }
                        });
  }

  void finish(Result<std::unique_ptr<event::Stream>> outcome) {
    Done done = std::move(done_);  // the callback may destroy this attempt
    done(std::move(outcome));
  }

  event::Loop& loop_;
  const std::uint16_t port_;
  const MonoTime deadline_;
  Done done_;
  event::Timer limit_;
  std::unique_ptr<event::Resolver::Query> query_;
  std::vector<event::Address> addresses_;
  std::size_t tried_ = 0;
  std::optional<event::TcpConnect> connecting_;
};

Result<void> TcpConnector::check(const Endpoint& endpoint) const {
  if (endpoint.scheme == "http") return {};
  if (endpoint.scheme == "https") return fail(Code::kInvalid, "https comes with TLS streams");
  return fail(Code::kInvalid, "only http can be spoken here");
}

std::unique_ptr<Connector::Attempt> TcpConnector::connect(const Endpoint& endpoint,
                                                          Duration timeout, Done done) {
  return std::make_unique<TcpAttempt>(*this, endpoint, timeout, std::move(done));
}

}  // namespace tocsin::http
