#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/address.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"

namespace tocsin::event {

struct ListenOptions {
  /// Several loops listen on one address, each with a socket of its own, and the kernel spreads
  /// connections over them.
  enum class Sharing : std::uint8_t {
    kAlone,  ///< no other socket may have the address
    kFirst,  ///< none has it yet, of whatever process; others may join from now on
    kJoin,   ///< others of this user may have it already
  };
  int backlog = 1024;
  Sharing sharing = Sharing::kJoin;
  /// Of an IPv6 address: IPv4 too. Else "[::]:80" leaves that port free for "0.0.0.0:80".
  bool both_families = false;
};

/// A bound, listening, non-blocking socket, not yet watched by any loop. Made on the control
/// thread, so that a taken port fails before anything serves.
class ListeningSocket {
 public:
  static Result<ListeningSocket> open(const Address& address, const ListenOptions& options);
  /// Takes over a listening socket that another process or systemd opened.
  static Result<ListeningSocket> adopt(int fd);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  int fd() const { return fd_; }
  /// Other sockets may be opened on its address (SO_REUSEPORT).
  bool shares_port() const;
  /// The same socket under a second descriptor: whoever accepts on either takes from one queue.
  Result<ListeningSocket> duplicate() const;
  /// With the port the kernel chose when 0 was asked for.
  const Address& address() const { return address_; }
  int release();

 private:
  ListeningSocket(int fd, Address address) : fd_(fd), address_(address) {}
  int fd_ = -1;
  Address address_;
};

/// Accepts connections on one loop.
class TcpListener {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// May pause or destroy the listener; either holds at once.
    virtual void on_accept(std::unique_ptr<Stream> stream) = 0;
    /// What a peer is told that shall not be let in; empty: it is accepted. The listener sends the
    /// bytes as far as they go at once and closes. Static text.
    virtual std::string_view refusal(const Address& peer) = 0;
    /// The process has no descriptor left for a new connection. The listener sends the returned
    /// bytes to it and closes it, through a descriptor held in reserve.
    virtual std::string_view on_descriptors_exhausted() = 0;
  };

  /// The listener watches from now on. `events` must outlive it. The last `descriptors_kept` of
  /// those the process may open (an eighth of them, if that is less) are left for others: a
  /// connection that would need one meets on_descriptors_exhausted().
  TcpListener(Loop& loop, ListeningSocket socket, Events& events, int descriptors_kept = 0);
  /// Stops and closes the socket.
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  /// The kernel's backlog holds who comes meanwhile.
  void pause();
  void resume();
  /// Accepts who waits already, to be destroyed afterwards: the kernel would reset them.
  void accept_queued();
  const Address& address() const;
  /// For a process that takes over; stays ours.
  int fd() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A connection attempt; destroying it gives up without a callback.
class TcpConnect {
 public:
  using Done = Function<void(Result<std::unique_ptr<Stream>>)>;

  /// Calls `done` once, never inside the constructor: with a stream whose events are not yet set,
  /// or with kRefused, kTimeout (after `timeout`), kUnavailable, kIo. `done` may destroy the
  /// attempt.
  TcpConnect(Loop& loop, const Address& to, Duration timeout, Done done);
  ~TcpConnect();
  TcpConnect(const TcpConnect&) = delete;
  TcpConnect& operator=(const TcpConnect&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::event
