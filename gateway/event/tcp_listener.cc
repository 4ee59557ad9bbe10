#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "gateway/event/fd_watch.h"
#include "gateway/event/tcp.h"
#include "gateway/event/tcp_stream.h"

namespace tocsin::event {

namespace {

Error listen_error(const Address& address, std::string_view doing) {
  return system_error(errno, doing, address.text());
}

void enable(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof(on));
}

Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return Address::from_socket(reinterpret_cast<sockaddr*>(&storage), length);
}

}  // namespace

Result<ListeningSocket> ListeningSocket::open(const Address& address,
                                              const ListenOptions& options) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return tl::unexpected(listen_error(address, "cannot make a socket"));
  ListeningSocket socket(fd, address);
  enable(fd, SOL_SOCKET, SO_REUSEADDR);
  if (options.reuse_port) enable(fd, SOL_SOCKET, SO_REUSEPORT);
  // "[::]:80" means IPv6 only, as with nginx: a v4 listener on the same port is its own entry.
  if (address.family() == AF_INET6) enable(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  enable(fd, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  if (::bind(fd, address.data(), address.size()) != 0) {
    return tl::unexpected(listen_error(address, "cannot bind"));
  }
  if (::listen(fd, options.backlog) != 0) {
    return tl::unexpected(listen_error(address, "cannot listen"));
  }
  socket.address_ = local_address(fd);
  return socket;
}

Result<ListeningSocket> ListeningSocket::adopt(int fd) {
  int listening = 0;
  socklen_t length = sizeof(listening);
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
    return tl::unexpected(
        system_error(errno, "descriptor " + std::to_string(fd) + " is no socket"));
  }
  if (listening == 0) {
    return fail(Code::kInvalid, "descriptor " + std::to_string(fd) + " is not a listening socket");
  }
  Address address = local_address(fd);
  if (address.family() != AF_INET && address.family() != AF_INET6) {
    return fail(Code::kInvalid, "descriptor " + std::to_string(fd) + " is not an internet socket");
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  enable(fd, IPPROTO_TCP, TCP_NODELAY);
  return ListeningSocket(fd, address);
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(other.address_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
  return *this;
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

bool ListeningSocket::shares_port() const {
  int shared = 0;
  socklen_t length = sizeof(shared);
  return ::getsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &shared, &length) == 0 && shared != 0;
}

Result<ListeningSocket> ListeningSocket::duplicate() const {
  const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return tl::unexpected(listen_error(address_, "cannot share"));
  return ListeningSocket(copy, address_);
}

int ListeningSocket::release() { return std::exchange(fd_, -1); }

// Survives the listener until the tick's end: on_accept may destroy that.
class TcpListener::Impl final : public Deferred {
 public:
  Impl(Loop& loop, ListeningSocket socket, Events& events)
      : loop_(loop),
        socket_(std::move(socket)),
        events_(events),
        reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
        retry_(loop.timers(), [this] { resume(); }),
        watch_(std::in_place, loop, socket_.fd(), [this](FdWatch::Ready) { accept_waiting(); }) {
    resume();
  }
  ~Impl() override { close(); }

  Loop& loop() const { return loop_; }
  void close() {
    paused_ = true;
    retry_.cancel();
    watch_.reset();
    if (const int fd = socket_.release(); fd >= 0) ::close(fd);
    if (reserve_ >= 0) ::close(std::exchange(reserve_, -1));
  }

  void pause() {
    paused_ = true;
    retry_.cancel();
    watch_->want(false, false);
  }
  void resume() {
    paused_ = false;
    retry_.cancel();
    watch_->want(true, false);
  }
  const Address& address() const { return socket_.address(); }
  int fd() const { return socket_.fd(); }

 private:
  /// So that a flood of connections does not keep those already here waiting.
  static constexpr int kAcceptsPerTick = 64;
  static constexpr int kRefusedReads = 4;
  static constexpr Duration kRetryAfter = std::chrono::milliseconds(100);

  struct Accepted {
    int fd;
    Address peer;
  };

  Accepted accept_one() {
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    const int fd = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&storage), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    return {fd, Address::from_socket(reinterpret_cast<sockaddr*>(&storage), length)};
  }

  void accept_waiting() {
    for (int i = 0; i < kAcceptsPerTick; ++i) {
      if (!accept_next() || paused_) break;
    }
  }

  // False when nobody else can be accepted in this tick.
  bool accept_next() {
    const Accepted accepted = accept_one();
    if (accepted.fd < 0) {
      if (errno == EMFILE || errno == ENFILE) return refuse_with_reserve();
      // Errors of the connection itself (reset before we came) concern nobody else.
      if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) return true;
      if (errno != EAGAIN) wait_and_retry();
      return false;
    }
    if (const std::string_view answer = events_.refusal(accepted.peer); !answer.empty()) {
      refuse(accepted.fd, answer);
      return true;
    }
    auto stream = adopt_tcp_socket(loop_, accepted.fd, accepted.peer);
    if (stream) events_.on_accept(std::move(*stream));
    return true;
  }

  static void refuse(int fd, std::string_view answer) {
    // Unread bytes at close would turn into a reset that overtakes the answer.
    char request[4096];
    for (int i = 0; i < kRefusedReads && ::recv(fd, request, sizeof(request), 0) > 0; ++i) {
    }
    (void)::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    ::close(fd);
  }

  // Without a free descriptor the kernel would report the same connection for ever: spend the one
  // held in reserve on telling the client.
  bool refuse_with_reserve() {
    if (reserve_ >= 0) ::close(std::exchange(reserve_, -1));
    const Accepted accepted = accept_one();
    // Without descriptors the system says so even when nobody waits.
    const bool nobody_waits = accepted.fd < 0 && errno == EAGAIN;
    if (accepted.fd >= 0) refuse(accepted.fd, events_.on_descriptors_exhausted());
    reserve_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (accepted.fd >= 0 && reserve_ >= 0) return true;
    if (!nobody_waits || reserve_ < 0) wait_and_retry();
    return false;
  }

  void wait_and_retry() {
    watch_->want(false, false);
    retry_.arm_after(kRetryAfter);
  }

  Loop& loop_;
  ListeningSocket socket_;
  Events& events_;
  int reserve_;
  bool paused_ = false;  // by the owner, not by a wait of our own
  Timer retry_;
  std::optional<FdWatch> watch_;  // none once closed
};

TcpListener::TcpListener(Loop& loop, ListeningSocket socket, Events& events)
    : impl_(std::make_unique<Impl>(loop, std::move(socket), events)) {}
TcpListener::~TcpListener() {
  impl_->close();
  Loop& loop = impl_->loop();
  loop.destroy_later(std::move(impl_));
}
void TcpListener::pause() { impl_->pause(); }
void TcpListener::resume() { impl_->resume(); }
int TcpListener::fd() const { return impl_->fd(); }
const Address& TcpListener::address() const { return impl_->address(); }

}  // namespace tocsin::event
