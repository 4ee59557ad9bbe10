#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/event/address.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/event/tcp.h"

namespace tocsin::event::testing {

/// Turns the loop until the condition holds. False when it still does not after a bound that only a
/// hung test reaches; no assertion depends on how long anything took.
template <typename Condition>
bool turn_until(Loop& loop, Condition&& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    loop.run_ready();
  }
  return true;
}

inline void turn(Loop& loop, int times = 3) {
  for (int i = 0; i < times; ++i) loop.run_ready();
}

/// Writes until the high watermark stops it.
inline std::size_t fill(Stream& stream) {
  const std::string chunk(16 * 1024, 'f');
  std::size_t written = chunk.size();
  while (stream.write(chunk)) written += chunk.size();
  return written;
}

inline Address any_port() { return *Address::parse("127.0.0.1:0"); }

inline ListeningSocket listening(const ListenOptions& options = {}) {
  return std::move(ListeningSocket::open(any_port(), options).value());
}

/// The far end of a connection, driven by plain system calls so that a test decides every segment.
class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int fd) : fd_(fd) {}
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~RawSocket() { close(); }

  /// Blocks until the kernel has made the connection, which on loopback needs no accept.
  static RawSocket connect_to(const Address& address, int receive_buffer = 0) {
    RawSocket made(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      ::setsockopt(made.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    if (::connect(made.fd_, address.data(), address.size()) != 0) made.close();
    return made;
  }

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }

  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// What one read gives; empty when nothing waits, or at the end.
  std::string read_once(std::size_t bytes_max = 1 << 20) {
    std::string bytes(bytes_max, '\0');
    const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    last_error_ = count < 0 ? errno : 0;
    at_end_ = count == 0;
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  bool at_end() const { return at_end_; }
  int last_error() const { return last_error_; }

  void shutdown_write() const { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
  }

 private:
  int fd_ = -1;
  int last_error_ = 0;
  bool at_end_ = false;
};

/// Remembers what happened on a stream, and does what the test asks at each event.
class Recorder : public Stream::Events {
 public:
  void on_data(std::string_view bytes) override {
    data.append(bytes);
    if (at_data) at_data(bytes);
  }
  void on_end() override {
    ++ends;
    if (at_end) at_end();
  }
  void on_broken(const Error& why) override {
    ++broken;
    error = why;
    if (at_broken) at_broken();
  }
  void on_writable() override {
    ++writable;
    if (at_writable) at_writable();
  }

  std::string data;
  int ends = 0;
  int broken = 0;
  int writable = 0;
  Error error;
  Function<void(std::string_view)> at_data;
  Function<void()> at_end;
  Function<void()> at_broken;
  Function<void()> at_writable;
};

/// Keeps what a listener accepted.
class Door : public TcpListener::Events {
 public:
  explicit Door(Loop& loop, ListeningSocket socket = listening())
      : listener(std::make_unique<TcpListener>(loop, std::move(socket), *this)) {}

  void on_accept(std::unique_ptr<Stream> stream) override {
    accepted.push_back(std::move(stream));
    if (at_accept) at_accept();
  }
  std::string_view refusal(const Address& peer) override {
    last_peer = peer;
    return refusing;
  }
  std::string_view on_descriptors_exhausted() override {
    ++refused;
    return "no room\n";
  }
  const Address& address() const { return listener->address(); }

  std::vector<std::unique_ptr<Stream>> accepted;
  int refused = 0;
  std::string_view refusing;
  Address last_peer;
  Function<void()> at_accept;
  std::unique_ptr<TcpListener> listener;
};

/// A stream on a loop whose time the test owns, and the raw socket it talks to.
struct Wire {
  explicit Wire(int peer_receive_buffer = 0) {
    Door door(loop);
    peer = RawSocket::connect_to(door.address(), peer_receive_buffer);
    turn_until(loop, [&] { return !door.accepted.empty(); });
    stream = std::move(door.accepted.front());
    stream->set_events(events);
  }

  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
  RawSocket peer;
  Recorder events;
  std::unique_ptr<Stream> stream;
};

}  // namespace tocsin::event::testing
