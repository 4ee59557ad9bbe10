#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/listen_address.h"
#include "gateway/base/result.h"
#include "gateway/config/environment.h"
#include "gateway/event/tcp.h"

namespace tocsin::app {

/// Listening sockets that somebody opened for this process: systemd (socket activation,
/// sd_listen_fds(3)), or the process that it takes over from. Control thread.
class InheritedSockets {
 public:
  static constexpr std::size_t kSocketsMax = 4096;

  /// Those of LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which are then removed from the
  /// environment so that no child takes them for its own. While there is one thread. An error: a
  /// descriptor that is no listening socket.
  Result<void> take_from_systemd();
  /// One of the process before, under the listener's name there.
  Result<void> take_over(std::string name, int fd);

  /// Those meant for the listener, in the order they came. Whoever set up a service manager gave
  /// the listener's name to a socket, which then counts for more than the address. The process
  /// before may have read another configuration, so that its sockets go by the address alone; the
  /// name only tells whose port a listener with port 0 had.
  std::vector<event::ListeningSocket> take(std::string_view listener, const ListenAddress& address);
  /// The process before, which nobody has taken it from, still has a port that this one is to
  /// listen on.
  bool overlaps(const ListenAddress& address) const;

  /// What nobody took, each once, for a warning; they are closed.
  std::vector<std::string> close_rest();

 private:
  enum class From { kServiceManager, kProcessBefore };
  struct Inherited {
    std::string name;
    event::ListeningSocket socket;
    From from;
  };

  Result<void> add(std::string name, int fd, From from);

  std::vector<Inherited> sockets_;
};

}  // namespace tocsin::app
