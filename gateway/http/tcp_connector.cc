#include "gateway/http/tcp_connector.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/event/tcp_race.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/http/transport.h"

namespace tocsin::http {

class TcpConnector::TcpAttempt final : public Connector::Attempt {
 public:
  TcpAttempt(TcpConnector& connector, const Endpoint& endpoint, Duration timeout, Done done)
      : loop_(connector.loop_),
        port_(endpoint.port),
        transport_(endpoint.transport),
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
    limit_.cancel();  // from here on the race has its own limit
    if (!found) {
      finish(tl::unexpected(found.error()));
      return;
    }
    std::vector<event::Address> addresses = found->addresses;
    for (event::Address& address : addresses) address.set_port(port_);
    if (auto left = drop_forbidden(addresses); !left) {
      finish(tl::unexpected(std::move(left).error()));
      return;
    }
    const auto left = std::max<Duration>(deadline_ - loop_.now(), Duration::zero());
    race_.emplace(loop_, addresses, left, [this](Result<std::unique_ptr<event::Stream>> stream) {
      finish(std::move(stream));
    });
  }

  // Here and not where the name is checked: what it means may change until the last moment.
  Result<void> drop_forbidden(std::vector<event::Address>& addresses) const {
    if (transport_ == nullptr || !transport_->guard) return {};
    std::string_view what;
    std::string where;
    std::erase_if(addresses, [&](const event::Address& address) {
      const std::string_view refusal = transport_->guard->refusal(address);
      if (refusal.empty()) return false;
      what = refusal;
      where = address.text();
      return true;
    });
    if (!addresses.empty()) return {};
    return fail(Code::kPermission,
                "the host resolves to " + std::string(what) +
                    ", which is not allowed for addresses from data",
                std::move(where));
  }

  void finish(Result<std::unique_ptr<event::Stream>> outcome) {
    Done done = std::move(done_);  // the callback may destroy this attempt
    done(std::move(outcome));
  }

  event::Loop& loop_;
  const std::uint16_t port_;
  const Transport* const transport_;
  const MonoTime deadline_;
  Done done_;
  event::Timer limit_;
  std::unique_ptr<event::Resolver::Query> query_;
  std::optional<event::TcpRace> race_;
};

Result<void> TcpConnector::check(const Endpoint& endpoint) const {
  if (endpoint.scheme == "http") return {};
  if (endpoint.scheme == "https") return fail(Code::kInvalid, "https cannot be spoken here");
  return fail(Code::kInvalid, "only http can be spoken here");
}

std::unique_ptr<Connector::Attempt> TcpConnector::connect(const Endpoint& endpoint,
                                                          Duration timeout, Done done) {
  return std::make_unique<TcpAttempt>(*this, endpoint, timeout, std::move(done));
}

}  // namespace tocsin::http
