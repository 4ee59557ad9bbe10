#pragma once

#include <string>
#include <string_view>
#include <vector>

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
  Result<void> add(std::string name, int fd);

  /// Those meant for the listener: of its name, else of its address. In the order they came.
  std::vector<event::ListeningSocket> take(std::string_view listener,
                                           const event::Address& address);

  /// What nobody took, for a warning; they are closed.
  std::vector<std::string> close_rest();

 private:
  struct Inherited {
    std::string name;
    event::ListeningSocket socket;
  };
  std::vector<Inherited> sockets_;
};

}  // namespace tocsin::app
