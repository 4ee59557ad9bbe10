#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "gateway/event/tcp.h"
#include "gateway/event/tcp_stream.h"

namespace tocsin::event {

class TcpConnect::Impl {
 public:
  Impl(Loop& loop, const Address& to, Duration timeout, Done done)
      : loop_(loop),
        to_(to),
        done_(std::move(done)),
        timer_(loop.timers(), [this] { time_is_up(); }) {
    auto begun = begin();
    if (!begun) failure_ = std::move(begun.error());
    // A failure known already is still told from the loop, not from here.
    timer_.arm_after(failure_ ? Duration::zero() : timeout);
  }

  ~Impl() {
    if (handle_ != nullptr) handle_->close(false);
  }

 private:
  Error cannot_connect(int error) const {
    return system_error(error, "cannot connect", to_.text());
  }

  Result<void> begin() {
    // An address nobody filled in is no fault of the network.
    if (to_.size() == 0) return tl::unexpected(cannot_connect(EINVAL));
    const int fd = ::socket(to_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return tl::unexpected(cannot_connect(errno));
    auto handle = TcpStream::Handle::open(loop_, fd);
    if (!handle) return tl::unexpected(std::move(handle.error()));
    handle_ = *handle;
    handle_->owner = this;
    int connected = 0;
    do {
      connected = ::connect(fd, to_.data(), to_.size());
    } while (connected < 0 && errno == EINTR);
    if (connected < 0 && errno != EINPROGRESS) return tl::unexpected(cannot_connect(errno));
    uv_poll_start(&handle_->poll, UV_WRITABLE, [](uv_poll_t* poll, int, int) {
      auto* self = static_cast<Impl*>(static_cast<TcpStream::Handle*>(poll->data)->owner);
      if (self == nullptr) return;
      self->loop_.enter();
      self->settle();
    });
    return {};
  }

  void time_is_up() { finish(failure_ ? std::move(*failure_) : cannot_connect(ETIMEDOUT)); }

  // The socket is connected, or never will be.
  void settle() {
    int error = 0;
    socklen_t length = sizeof(error);
    if (::getsockopt(handle_->fd(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return finish(cannot_connect(error));
    timer_.cancel();
    Done done = std::move(done_);  // the callback may destroy this attempt
    TcpStream::Handle* handle = std::exchange(handle_, nullptr);
    uv_poll_stop(&handle->poll);
    const int on = 1;
    ::setsockopt(handle->fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    done(std::unique_ptr<Stream>(std::make_unique<TcpStream>(loop_, handle, to_)));
  }

  void finish(Error why) {
    timer_.cancel();
    Done done = std::move(done_);
    // Closed first, or a late answer would follow the one given now.
    if (handle_ != nullptr) std::exchange(handle_, nullptr)->close(false);
    done(tl::unexpected(std::move(why)));
  }

  Loop& loop_;
  Address to_;
  Done done_;
  TcpStream::Handle* handle_ = nullptr;
  std::optional<Error> failure_;  // known before the loop was asked
  Timer timer_;
};

TcpConnect::TcpConnect(Loop& loop, const Address& to, Duration timeout, Done done)
    : impl_(std::make_unique<Impl>(loop, to, timeout, std::move(done))) {}
TcpConnect::~TcpConnect() = default;

}  // namespace tocsin::event
