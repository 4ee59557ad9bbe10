#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
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

void set_option(int fd, int level, int option, bool wanted) {
  const int value = wanted ? 1 : 0;
  ::setsockopt(fd, level, option, &value, sizeof(value));
}

void enable(int fd, int level, int option) { set_option(fd, level, option, true); }

// The first descriptor that a connection may not have.
int descriptor_limit(int kept) {
  rlimit limit{};
  constexpr rlim_t kMost = std::numeric_limits<int>::max();
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > kMost) {
    return std::numeric_limits<int>::max();
  }
  const int most = static_cast<int>(limit.rlim_cur);
  return most - std::min(kept, most / 8);
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
  using Sharing = ListenOptions::Sharing;
  if (options.sharing == Sharing::kJoin) enable(fd, SOL_SOCKET, SO_REUSEPORT);
  // "[::]:80" means IPv6 only, as with nginx: a v4 listener on the same port is its own entry.
  if (address.family() == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !options.both_families);
  enable(fd, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  if (::bind(fd, address.data(), address.size()) != 0) {
    return tl::unexpected(listen_error(address, "cannot bind"));
  }
  // Bound without it, the address was nobody's, also where another process would have shared it.
  if (options.sharing == Sharing::kFirst) enable(fd, SOL_SOCKET, SO_REUSEPORT);
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
  Impl(Loop& loop, ListeningSocket socket, Events& events, int descriptors_kept)
      : loop_(loop),
        socket_(std::move(socket)),
        events_(events),
        descriptor_end_(descriptor_limit(descriptors_kept)),
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
  void accept_queued() {
    for (int i = 0; i < kQueueMax && accept_next(); ++i) {
    }
  }
  const Address& address() const { return socket_.address(); }
  int fd() const { return socket_.fd(); }

 private:
  /// The longest queue a kernel keeps; more than that came meanwhile.
  static constexpr int kQueueMax = 65536;
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
    // The kernel gives out the lowest number that is free, so numbers tell how many are in use.
    if (accepted.fd >= descriptor_end_) {
      refuse(accepted.fd, events_.on_descriptors_exhausted());
      return true;
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
  const int descriptor_end_;
  int reserve_;
  bool paused_ = false;  // by the owner, not by a wait of our own
  Timer retry_;
  std::optional<FdWatch> watch_;  // none once closed
};

TcpListener::TcpListener(Loop& loop, ListeningSocket socket, Events& events, int descriptors_kept)
    : impl_(std::make_unique<Impl>(loop, std::move(socket), events, descriptors_kept)) {}
TcpListener::~TcpListener() {
  impl_->close();
  Loop& loop = impl_->loop();
  loop.destroy_later(std::move(impl_));
}
void TcpListener::pause() { impl_->pause(); }
void TcpListener::resume() { impl_->resume(); }
void TcpListener::accept_queued() { impl_->accept_queued(); }
int TcpListener::fd() const { return impl_->fd(); }
const Address& TcpListener::address() const { return impl_->address(); }

}  // namespace tocsin::event
