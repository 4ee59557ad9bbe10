#include <utility>

#include "gateway/event/loop.h"
#include "gateway/event/tls.h"
#include "gateway/event/tls_stream.h"

namespace tocsin::event {

class TlsHandshake::Impl {
 public:
  Impl(std::unique_ptr<Stream> stream, const TlsContext& context, TlsPeer peer, Duration timeout,
       Done done)
      : done_(std::move(done)),
        where_(peer.name.empty() ? stream->peer().text() : peer.name),
        timer_(stream->loop().timers(), [this] { time_is_up(); }) {
    timer_.arm_after(timeout);
    stream_ =
        std::make_unique<TlsStream>(std::move(stream), context, std::move(peer),
                                    [this](Result<void> outcome) { finish(std::move(outcome)); });
    stream_->shake_hands();
  }

 private:
  void time_is_up() { finish(fail(Code::kTimeout, "the TLS handshake took too long", where_)); }

  void finish(Result<void> outcome) {
    timer_.cancel();
    Done done = std::move(done_);  // the callback may destroy this handshake
    std::unique_ptr<Stream> stream = std::move(stream_);
    if (outcome) {
      done(std::move(stream));
      return;
    }
    stream.reset();  // no attempt is left open behind a failure
    done(tl::unexpected(std::move(outcome.error())));
  }

  Done done_;
  const std::string where_;
  Timer timer_;
  std::unique_ptr<TlsStream> stream_;
};

TlsHandshake::TlsHandshake(std::unique_ptr<Stream> stream, const TlsContext& context, TlsPeer peer,
                           Duration timeout, Done done)
    : impl_(std::make_unique<Impl>(std::move(stream), context, std::move(peer), timeout,
                                   std::move(done))) {}
TlsHandshake::~TlsHandshake() = default;

}  // namespace tocsin::event
