#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/app/inherited_sockets.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/fd_watch.h"
#include "gateway/event/loop.h"

// How a process gives its place to a new one of the same binary's path, without closing a port:
//
//   old                                       new (started by old, with one end of a socket pair)
//    | -- a packet for each socket: name, fd -->|
//    | -- "end" ------------------------------->| opens what else it needs, joins the store, serves
//    | <------------------------------- "ready" |
//   drains and exits                            |
//
// A new process that ends, or is not ready in time, is ended; the old one serves on as if nothing
// had been.

namespace tocsin::app {

/// A listening socket to be handed over, under its listener's name. The descriptor is borrowed.
struct HandedSocket {
  std::string name;
  int fd = -1;
};

/// The new process, as the old one sees it. Control loop.
class Successor {
 public:
  /// The descriptor that the new process finds its end at, named by the variable.
  static constexpr int kChannelFd = 3;
  static constexpr const char* kVariable = "TOCSIN_HANDOVER";

  struct Command {
    std::string program;                 ///< an absolute path
    std::vector<std::string> arguments;  ///< its name first
  };
  /// What came of it; its process id, or why it is gone. Once, never inside start().
  using Done = Function<void(Result<pid_t>)>;

  explicit Successor(event::Loop& control);
  /// One that is not ready is ended.
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  /// Begins one; there is none. An error: nothing was started.
  Result<void> start(const Command& command, std::span<const HandedSocket> sockets,
                     Duration patience, Done done);
  bool under_way() const { return channel_ >= 0; }
  /// One that is under way is not wanted any more and told to end; what came of it is still told.
  void end();

 private:
  Result<void> send(std::span<const HandedSocket> sockets) const;
  void on_readable();
  void on_timer();
  void look_at_end();
  void give_up(std::string why);
  void close();

  event::Loop& control_;
  event::Timer patience_;
  std::unique_ptr<event::FdWatch> watch_;
  int channel_ = -1;
  pid_t pid_ = -1;
  std::optional<MonoTime> ending_until_;
  Done done_;
};

/// The old process, as the new one sees it. While there is one thread, then the control loop's.
class Predecessor {
 public:
  /// What it hands over, when this process was started to take its place. Blocks until all is
  /// there; the variable is removed.
  static Result<std::optional<Predecessor>> from_environment(InheritedSockets& sockets);

  Predecessor(Predecessor&& other) noexcept;
  Predecessor& operator=(Predecessor&& other) noexcept;
  ~Predecessor();

  /// This process serves: the old one may go.
  void tell_ready();

 private:
  explicit Predecessor(int channel) : channel_(channel) {}
  int channel_ = -1;
};

}  // namespace tocsin::app
