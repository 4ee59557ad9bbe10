// A 2xx answer to CONNECT has no body whatever its fields say (RFC 9110 9.3.6), and of another
// answer nobody reads the body: both are read as answers to HEAD.
#include "gateway/http/proxy_tunnel.h"

#include <utility>

namespace tocsin::http {

ProxyTunnel::ProxyTunnel(std::unique_ptr<event::Stream> stream, const ForwardProxy& proxy,
                         std::string_view authority, Duration timeout, Done done)
    : stream_(std::move(stream)),
      where_("proxy " + proxy.host + ":" + std::to_string(proxy.port)),
      done_(std::move(done)),
      limit_(stream_->loop().timers(),
             [this] { give_up(Code::kTimeout, "the proxy opened no tunnel in time"); }),
      parser_(limits_, *this),
      blocks_(std::make_shared<BlockPool>()),
      arena_(*blocks_, 4 * kAnswerBytesMax + 2 * sizeof(HeaderMap)) {
  limit_.arm_after(timeout);
  parser_.begin(true, head_, arena_);
  stream_->set_events(*this);
  std::string request = "CONNECT ";
  request.append(authority).append(" HTTP/1.1\r\nHost: ").append(authority).append("\r\n");
  if (!proxy.authorization.empty()) {
    request.append("Proxy-Authorization: ").append(proxy.authorization).append("\r\n");
  }
  stream_->write(request.append("\r\n"));
  stream_->read_start();
}

ProxyTunnel::~ProxyTunnel() = default;

// The server does not speak first in anything that is spoken through here, so bytes behind the
// answer's head are a fault.
void ProxyTunnel::on_data(std::string_view bytes) {
  const std::size_t used = parser_.feed(bytes);
  if (const ResponseFault& fault = parser_.fault()) {
    return give_up(Code::kUnavailable, "no proxy's answer: " + std::string(fault.detail));
  }
  if (!parser_.complete()) return;
  if (head_.status < 200 || head_.status > 299) {
    return give_up(Code::kRefused, "the proxy opened no tunnel: it answered " +
                                       std::to_string(head_.status) + " " +
                                       std::string(reason_phrase(head_.status)));
  }
  if (used != bytes.size()) {
    return give_up(Code::kUnavailable, "the proxy sent bytes behind its answer");
  }
  stream_->read_stop();
  finish(std::move(stream_));
}

void ProxyTunnel::on_end() { give_up(Code::kClosed, "the proxy closed the connection"); }

void ProxyTunnel::on_broken(const Error& why) { give_up(why.code, why.what); }

void ProxyTunnel::give_up(Code code, std::string what) {
  finish(fail(code, std::move(what), where_));
}

void ProxyTunnel::finish(Result<std::unique_ptr<event::Stream>> outcome) {
  limit_.cancel();
  stream_.reset();
  Done done = std::move(done_);  // the callback may destroy this tunnel
  done(std::move(outcome));
}

}  // namespace tocsin::http
