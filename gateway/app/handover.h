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
//    | <--- "unused NAME" for each that it has no use for, then "ready" ---|
//   its lanes begin nothing any more            |
//    | -- "lanes", a file: what they know ----->| its lanes begin
//   drains, watches, and exits                  |
//
// A new process that ends, or is not ready in time, is ended; the old one serves on as if nothing
// had been. One that ends later, while the old one is still there, is told of. What one of them
// does not know, as a release before this one, it leaves out: then the channel closes with "ready".

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

  /// What a process that was not started by its binary's path finds that path in.
  static constexpr const char* kBinaryVariable = "TOCSIN_UPGRADE_BINARY";
  /// What a process that was started in the place of one that died finds that in.
  static constexpr const char* kFailureVariable = "TOCSIN_UPGRADE_FAILURE";

  struct Command {
    std::string program;                 ///< an absolute path
    std::vector<std::string> arguments;  ///< its name first
    std::string binary{};                ///< where later ones stand; empty: there
    std::string failure{};  ///< how the one ended whose place it takes; empty: that of none
  };
  /// Why there is none.
  struct Failure {
    std::string_view reason;  ///< "not_started", "ended", "not_ready"; static text
    std::string text;
  };
  /// What came of it; its process id, or why it is gone. Once, never inside start().
  using Done = Function<void(tl::expected<pid_t, Failure>)>;
  /// One that served has ended, and how; `as_told`: somebody told it to stop.
  using Ended = Function<void(std::string how, bool as_told)>;

  explicit Successor(event::Loop& control);
  /// One that does not serve yet is ended.
  ~Successor();
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  /// Begins one; there is none, or the last has ended. An error: nothing was started.
  Result<void> start(const Command& command, std::span<const HandedSocket> sockets,
                     Duration patience, Done done, Ended ended);
  /// It does not serve yet.
  bool under_way() const { return pid_ > 0 && !serves_; }
  bool serves() const { return serves_; }
  /// One that is under way is not wanted any more and told to end; what came of it is still told.
  void end();
  /// Of the sockets that were handed over, those that one which serves has no use for.
  const std::vector<std::string>& unused() const { return unused_; }
  /// Tells one that serves what lanes here know. Without an answer.
  void send_lanes(std::string_view text);

 private:
  Result<void> send(std::span<const HandedSocket> sockets) const;
  void on_readable();
  void on_word(std::string_view word);
  void on_timer();
  void look_at_end();
  void look_after();
  void give_up(std::string_view reason, std::string why);
  void close();

  event::Loop& control_;
  event::Timer patience_;
  std::unique_ptr<event::FdWatch> watch_;
  int channel_ = -1;
  pid_t pid_ = -1;
  bool serves_ = false;
  std::vector<std::string> unused_;
  std::optional<MonoTime> ending_until_;
  Done done_;
  Ended ended_;
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

  /// What it knows of its lanes; nothing: it is gone, or has left.
  using Told = Function<void(std::optional<std::string>)>;
  /// This process serves, and has no use for those sockets: the old one may go. `told` is called on
  /// the loop until it heard nothing; this object stays where it is until leave().
  void tell_ready(std::span<const std::string> unused, event::Loop& control, Told told);
  /// Listens to it no longer. While the loop is there.
  void leave();

 private:
  explicit Predecessor(int channel) : channel_(channel) {}
  void on_readable();

  int channel_ = -1;
  std::unique_ptr<event::FdWatch> watch_;
  Told told_;
};

}  // namespace tocsin::app
